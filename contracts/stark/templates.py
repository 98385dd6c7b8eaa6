"""From the templates in `yul/` to the source of the contracts.

`$NAME` stands for a number, a kernel or a block of generated lines. Every name that a template uses must have
a value. `// phase: NAME` ends a phase of the execution; it is a comment unless the variant measures gas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from . import kernels, params, placeholders
from .circuit import Circuit
from .constraints import ConstraintContracts
from .failures import PATH_FAILURES, Failure
from .layout import Layout
from .memory import EVM_WORD, PHASES, Memory, PartCalldata

INDENT = " " * 12
PHASE_FUNCTION = """
            function phase(slot) {
                mstore(slot, add(mload(slot), sub(mload($LAST_GAS), gas())))
                mstore($LAST_GAS, gas())
            }
"""


@dataclass(frozen=True)
class Variant:
    """`without_paths` drops the Merkle comparisons, so that tests reach the checks behind them; `phases`
    returns the gas of each phase instead of only the control id. Only the plain build is for use."""

    without_paths: bool = False
    phases: bool = False


@dataclass(frozen=True)
class SealVerifierSource:
    """Yul, and the names of the measured phases in the order of the returned words."""

    yul: str
    phases: tuple[str, ...]


@cache
def _template(name: str) -> str:
    return (resources.files(__package__) / "yul" / name).read_text()


def _substitute(text: str, values: Mapping[str, str]) -> str:
    """Until nothing is left to replace: generated lines use names too."""
    while "$" in text:
        text = Template(text).substitute(values)
    return text


def _block(lines: list[str]) -> str:
    return f"\n{INDENT}".join(lines)


def _number(value: int) -> str:
    return str(value) if value < 2**32 else f"{value:#x}"


def _fri_rounds(layout: Layout, memory: Memory, numbers: Mapping[str, str]) -> str:
    """The three rounds. In round r the leaf index is the position modulo the domain d, the element is taken
    from its place in the coset (position / d), and the fold's shift is g^-(index * domain / (16 d))."""
    rounds = []
    for index, log2 in enumerate(params.FRI_ROUND_LOG2):
        name = f"FRI{index + 1}"
        spread = params.DOMAIN_LOG2 - params.FRI_FOLD_LOG2 - log2
        slot = f"shl(5, and(shr({log2}, position), {params.FRI_FOLD - 1}))"
        value = f"mload(add({memory['ELEMENTS']}, {slot}))"
        exponent = f"and(sub({params.DOMAIN}, shl({spread}, and(position, {(1 << log2) - 1}))), $DOMAIN_MASK)"
        if index == 0:
            check = f"deep(mulmod(x, $FORM, $P), {value})\n{INDENT}    // phase: DEEP equation"
        else:
            check = f"if iszero(equal(goal, mul({params.FRI_FOLD}, {value}))) {{ fail($FAIL_{name}_VALUE) }}"
        local = {
            "LEAF_OFFSET": str(layout.offset(f"fri{index + 1} leaf")),
            "DEPTH": str(params.path_length(log2)),
            "INDEX_MASK": str((1 << log2) - 1),
            "PATH_OFFSET": str(layout.offset(f"fri{index + 1} path")),
            "TOP": numbers[f"SEAL_{name}_TOP"],
            "FAIL_PATH": numbers[f"FAIL_{name}_PATH"],
            "CHECK_VALUE": check,
            "FOLD": f"{'' if index else 'let '}goal := fold_leaf(mload(${name}_CHALLENGE), "
            f"generator_power({exponent}))",
        }
        rounds.append(_substitute(_template("fri_round.yul"), {**numbers, **local}))
    return "".join(rounds)


def _without_path_checks(yul: str) -> str:
    for failure in PATH_FAILURES:
        wanted = 4 if failure is Failure.TRACE_PATH else 1
        call = f"{{ fail({failure.value}) }}"
        if yul.count(call) != wanted:
            raise AssertionError(f"{failure.name} is checked {yul.count(call)} times")
        yul = yul.replace(call, "{ }")
    return yul


def _mark_phases(yul: str, memory: Memory) -> SealVerifierSource:
    names: list[str] = []

    def mark(match: re.Match[str]) -> str:
        name = match[1]
        if name == "start":
            return f"mstore({memory['LAST_GAS']}, gas())"
        if name not in names:
            names.append(name)
        return f"phase({memory['PHASES'] + EVM_WORD * names.index(name)})"

    marked = re.sub(r"// phase: (.*)", mark, yul)
    if len(names) > PHASES:
        raise AssertionError(f"{len(names)} phases, room for {PHASES}")
    return SealVerifierSource(marked, tuple(names))


class Renderer:
    """Fills in the templates of one circuit's contracts."""

    def __init__(self, circuit: Circuit, constraints: ConstraintContracts) -> None:
        if circuit.combos != ((0,), (0, 1), (0, 1, 2, 3, 4, 68), (0, 1, 2, 7, 15, 16), (0, 2, 7, 15, 16)):
            raise AssertionError("the DEEP equation in queries.yul is written for other combos than these")
        self.layout = Layout(circuit)
        groups = kernels.weight_groups(circuit)
        self.memory = Memory(circuit, self.layout, constraints.image, constraints.slots, len(groups))
        parts = len(constraints.codes)
        numbers = placeholders.numbers(self.layout, self.memory, parts)
        blocks = placeholders.blocks(circuit, self.layout, self.memory, constraints, groups)
        self._values = {
            **{name: _number(value) for name, value in numbers.items()},
            **{name: _block(lines) for name, lines in blocks.items()},
            **placeholders.bytecode(circuit, self.memory, groups),
            "COMMON_FUNCTIONS": _template("common.yul"),
            "CHECK_QUERIES": _template("queries.yul"),
            "RESULT": f"return({self.memory['CONTROL_ID']}, {EVM_WORD})",
        }

    def seal_verifier(self, variant: Variant) -> SealVerifierSource:
        """The Yul object of SealVerifier, with HeaderVerifier inside it."""
        values = {**self._values, "HEADER_OBJECT": _template("header.yul")}
        if variant.phases:
            values["COMMON_FUNCTIONS"] += PHASE_FUNCTION
            values["RESULT"] = f"return({self.memory['CONTROL_ID']}, {EVM_WORD * (1 + PHASES)})"
        yul = self._fill("seal.yul", values)
        if variant.without_paths:
            yul = _without_path_checks(yul)
        return _mark_phases(yul, self.memory) if variant.phases else SealVerifierSource(yul, ())

    def header_verifier(self) -> str:
        """The Yul object of HeaderVerifier alone."""
        return self._fill("header.yul", self._values)

    def query_verifier(self) -> str:
        """The Yul object of QueryVerifier, which finds what it needs of the header elsewhere."""
        part = PartCalldata(self.memory)
        moved = {f"SEAL_{name.replace(' ', '_').upper()}": at for name, at in part.tops.items()}
        moved |= {"SHARED_AT": part.shared, "QUERIES_AT": part.queries}
        return self._fill(
            "part.yul", {**self._values, **{name: _number(value) for name, value in moved.items()}}
        )

    def _fill(self, template: str, values: Mapping[str, str]) -> str:
        rounds = _fri_rounds(self.layout, self.memory, values)
        return _substitute(_template(template), {**values, "FRI_ROUNDS": rounds})
