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
from .memory import EVM_WORD, PHASES, Memory

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
    from its place in the coset (position / d), and the fold's shift is g^-(index * 2^20 / (16 d))."""
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


def render_seal_verifier(
    circuit: Circuit, constraints: ConstraintContracts, variant: Variant
) -> SealVerifierSource:
    """The Yul object of SealVerifier, with HeaderVerifier inside it."""
    if circuit.combos != ((0,), (0, 1), (0, 1, 2, 3, 4, 68), (0, 1, 2, 7, 15, 16), (0, 2, 7, 15, 16)):
        raise AssertionError("the DEEP equation in seal.yul is written for other combos than the circuit has")
    layout = Layout(circuit)
    groups = kernels.weight_groups(circuit)
    memory = Memory(circuit, layout, constraints.image, constraints.slots, len(groups))
    parts = len(constraints.codes)
    values = {name: _number(value) for name, value in placeholders.numbers(layout, memory, parts).items()}
    values |= {
        name: _block(lines)
        for name, lines in placeholders.blocks(circuit, layout, memory, constraints, groups).items()
    }
    values |= placeholders.bytecode(circuit, memory, groups)
    values |= {
        "COMMON_FUNCTIONS": _template("common.yul") + (PHASE_FUNCTION if variant.phases else ""),
        "HEADER_OBJECT": _template("header.yul"),
        "RESULT": f"return({memory['CONTROL_ID']}, {EVM_WORD * (1 + PHASES)})"
        if variant.phases
        else f"return({memory['CONTROL_ID']}, {EVM_WORD})",
    }
    values["FRI_ROUNDS"] = _fri_rounds(layout, memory, values)
    yul = _substitute(_template("seal.yul"), values)
    if variant.without_paths:
        yul = _without_path_checks(yul)
    return _mark_phases(yul, memory) if variant.phases else SealVerifierSource(yul, ())
