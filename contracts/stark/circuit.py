"""The recursion circuit: its constraint program and its taps, read from the published crate.

`load_circuit` parses two generated Rust files, poly_ext.rs and taps.rs, of risc0-circuit-recursion in the
cargo registry. Nothing is copied into this repository, so what is checked on chain can be traced to that
crate.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

CRATE = "risc0-circuit-recursion-4.0.6-rc.1"

ACCUM, CODE, DATA = range(3)


class CircuitSourceError(Exception):
    """The crate's source is absent or does not have the expected form."""


@dataclass(frozen=True)
class Step:
    """One step of the constraint program: `Const`, `Get`, `GetGlobal`, `Add`, `Sub`, `Mul`, `True`, `AndEqz`
    or `AndCond`. Arguments are indices of earlier steps of the operand's kind, or immediate numbers."""

    name: str
    args: tuple[int, ...]


@dataclass(frozen=True)
class Register:
    """A trace column: its group, its column in the group, its combo, and the index of its first tap."""

    group: int
    column: int
    combo: int
    first_tap: int


@dataclass(frozen=True)
class Circuit:
    """The program (`steps`, with `result` the index of the final mix state), the registers in tap order, and
    for each combo the rows back at which its registers are opened."""

    steps: tuple[Step, ...]
    result: int
    registers: tuple[Register, ...]
    combos: tuple[tuple[int, ...], ...]
    group_columns: tuple[int, int, int]

    @property
    def taps(self) -> int:
        """Number of openings of the trace at z."""
        return sum(len(self.combos[register.combo]) for register in self.registers)

    @property
    def combo_begin(self) -> tuple[int, ...]:
        """Prefix sums of the combo sizes; the last one is where the check combo begins."""
        begins = [0]
        for backs in self.combos:
            begins.append(begins[-1] + len(backs))
        return tuple(begins)

    @property
    def backs(self) -> tuple[int, ...]:
        """All distinct rows back, ascending."""
        return tuple(sorted({back for combo in self.combos for back in combo}))

    def combo_runs(self) -> list[tuple[int, int, int]]:
        """Maximal runs of registers of one combo as (combo, first tap, number of registers)."""
        runs: list[tuple[int, int, int]] = []
        for register in self.registers:
            if runs and runs[-1][0] == register.combo:
                combo, first, count = runs[-1]
                runs[-1] = (combo, first, count + 1)
            else:
                runs.append((register.combo, register.first_tap, 1))
        return runs


def crate_source(crate: str = CRATE) -> Path:
    """The `src` folder of a crate in the cargo registry; raises CircuitSourceError when it is not there."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    found = sorted(home.glob(f"registry/src/*/{crate}/src"))
    if not found:
        raise CircuitSourceError(
            f"{crate} is not under {home}/registry/src: "
            "run `cargo fetch` in circuits_guest, or set CARGO_HOME"
        )
    return found[0]


def _search(pattern: str, text: str, what: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise CircuitSourceError(f"no {what} in {CRATE}")
    return match[1]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def load_circuit(source: Path | None = None) -> Circuit:
    """Parse the crate under `source` (default: the cargo registry)."""
    source = source or crate_source()
    program = (source / "poly_ext.rs").read_text()
    block = _search(r"(?s)block: &\[(.*?)\n *\],\s*ret:", program, "constraint block")
    steps = tuple(
        Step(match[1], _numbers(match[2] or ""))
        for match in re.finditer(r"PolyExtStep::(\w+)(?:\(([^)]*)\))?", block)
    )
    taps = (source / "taps.rs").read_text()
    tap_rows = [
        tuple(int(field) for field in match)
        for match in re.findall(
            r"offset: (\d+),\s*back: (\d+),\s*group: (\d+),\s*combo: (\d+),\s*skip: (\d+)", taps
        )
    ]
    combo_taps = _numbers(_search(r"combo_taps: &\[([^\]]*)\]", taps, "combo_taps"))
    begins = _numbers(_search(r"combo_begin: &\[([^\]]*)\]", taps, "combo_begin"))
    combos = tuple(combo_taps[a:b] for a, b in itertools.pairwise(begins))
    registers: list[Register] = []
    index = 0
    while index < len(tap_rows):
        column, _, group, combo, skip = tap_rows[index]
        if tuple(tap[1] for tap in tap_rows[index : index + skip]) != combos[combo]:
            raise CircuitSourceError(f"tap {index} of {CRATE} does not open the rows of its combo {combo}")
        registers.append(Register(group, column, combo, index))
        index += skip
    columns = [1 + max(r.column for r in registers if r.group == group) for group in (ACCUM, CODE, DATA)]
    result = int(_search(r"ret: (\d+)", program, "result index"))
    return Circuit(steps, result, tuple(registers), combos, (columns[0], columns[1], columns[2]))
