"""Measures a whole node: `make bench`, or `python -m benchmarks [--only market,proof,gas]`.

    market  offer to award, and award to answer against raw ONNX Runtime, over a devnet of six nodes
    proof   seconds by step, cycles and bytes of one proved batch of sixteen, its settlement's gas
    sessions calls a second in a session between two nodes, with its one settlement
    gas     what the chain spends on a proof by phase, and on a settlement without it
    jsc     the private wallet on one core: notes scanned a second, seconds to sign and verify
    proving guest cycles of the reference models (benchmarks/proving.py has the full table)
    prover  processor seconds of the batch's proof; `--other BINARY` proves it with another build in turns.
            Only when asked for
    cold-build  processor minutes of the prover's first build; `--sources FOLDER` builds another checkout's
            `circuits_guest`. Only when asked for

Prints a table; `--json FILE` writes the same as JSON. Figures depend on the machine: compare within a run.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cold_build import measure_cold_build
from benchmarks.gas import measure_gas
from benchmarks.jsc import measure_jsc
from benchmarks.market import measure_market
from benchmarks.proof import measure_proof
from benchmarks.prover import measure_prover
from benchmarks.proving import measure_proving
from benchmarks.sessions import measure_sessions

PARTS = ("market", "sessions", "proof", "gas", "jsc", "proving", "prover", "cold-build")
USUAL = PARTS[:6]


def main() -> None:
    """Run the parts one after the other, so that none disturbs another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures a whole node.")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", default=",".join(USUAL), help=f"parts to measure, of {', '.join(PARTS)}")
    parser.add_argument("--picture", type=Path, help="also write a picture of the demo's terminal (SVG)")
    parser.add_argument("--other", type=Path, help="another build of the prover, to compare with")
    parser.add_argument("--sources", type=Path, help="the circuits_guest of another checkout, to build")
    options = parser.parse_args()
    measure: dict[str, Callable[[], Mapping[str, Any]]] = {
        "market": measure_market,
        "sessions": measure_sessions,
        "proof": partial(measure_proof, options.picture),
        "gas": measure_gas,
        "jsc": measure_jsc,
        "proving": measure_proving,
        "prover": partial(measure_prover, options.other),
        "cold-build": partial(measure_cold_build, options.sources),
    }
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"--only: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")

    console = Console()
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.system()}
    figures: dict[str, object] = {"machine": machine}
    for name in chosen:
        console.print(f"measuring {name}", style="dim")
        found = measure[name]()
        figures[name] = found
        table = Table("figure", "value", title=name)
        for figure, value in found.items():
            table.add_row(figure, f"{value:,}")
        console.print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
