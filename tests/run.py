"""Runs every test of every part and says which failed; what `make test` calls once set-up is done.

Each stage is one command of the part's own tool. All stages run, whatever fails, so that one run names
every failure. They run in two rows, one after the other in each: some keep one core busy for minutes, so
these run beside the rest, at a low priority and with their output held back until they end.

    .venv/bin/python tests/run.py [--deep] [--only NAME,NAME]
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
CONTRACTS = ROOT / "contracts"
SOURCES = ("p2pnode", "tests", "bootstrap", "benchmarks", "circuits_guest", "contracts")


@dataclass(frozen=True)
class Stage:
    """One command; `deep` is added to it by --deep, what is `slow` runs with --deep or by name alone, and
    what is `beside` runs beside the others."""

    name: str
    command: tuple[str, ...]
    cwd: Path = ROOT
    deep: tuple[str, ...] = ()
    slow: bool = False
    beside: bool = False


STAGES = (
    Stage("lint", (f"{BIN}/ruff", "check", *SOURCES)),
    Stage("format", (f"{BIN}/ruff", "format", "--check", *SOURCES)),
    Stage("types", (f"{BIN}/mypy",)),
    Stage("circuits", (f"{BIN}/python", "circuits_guest/build.py", "test")),
    Stage("image", (f"{BIN}/python", "circuits_guest/build.py", "guest", "--check")),
    Stage("stark", (f"{BIN}/python", "-m", "stark", "check"), CONTRACTS),
    Stage("contracts", (f"{BIN}/npx", "--no-install", "hardhat", "test"), CONTRACTS, beside=True),
    Stage("coverage", (f"{BIN}/node", "scripts/coverage.ts"), CONTRACTS, beside=True),
    Stage("mutants", (f"{BIN}/node", "scripts/mutants.ts"), CONTRACTS, slow=True, beside=True),
    Stage("scripts", (f"{BIN}/npm", "run", "--silent", "typecheck"), CONTRACTS, beside=True),
    Stage("python", (f"{BIN}/python", "-m", "pytest", "-m", "not deep"), deep=("-m", "deep or not deep")),
)


def run(stage: Stage, deep: bool) -> float | None:
    """Seconds the stage took, or None when it failed."""
    title = f"\n== {stage.name}: {' '.join(stage.command).replace(f'{ROOT}/', '')}"
    started = time.monotonic()
    env = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "P2PNODE_DEEP": "1" if deep else "",
    }
    # Hundreds of processes are started; without bytecode each would compile the package again.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [*stage.command, *(stage.deep if deep else ())]
    if not stage.beside:
        print(title, flush=True)
    done = subprocess.run(
        ["nice", "-n", "10", *command] if stage.beside else command,
        cwd=stage.cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stage.beside else None,
        stderr=subprocess.STDOUT if stage.beside else None,
        text=True,
        errors="replace",
        check=False,
    )
    if stage.beside:
        print(f"{title}\n{done.stdout}", end="", flush=True)
    seconds = time.monotonic() - started
    outcome = "passed" if done.returncode == 0 else f"FAILED (exit {done.returncode})"
    print(f"== {stage.name}: {outcome} in {seconds:.1f} s", flush=True)
    return seconds if done.returncode == 0 else None


def run_all(stages: Iterable[Stage], deep: bool) -> dict[str, float | None]:
    """What `run` says of each stage, by name."""
    stages, stopped = tuple(stages), threading.Event()

    def row(beside: bool) -> dict[str, float | None]:
        ran = (stage for stage in stages if stage.beside == beside and not stopped.is_set())
        return {stage.name: run(stage, deep) for stage in ran}

    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(row, True)
        try:
            took = row(False)
        except KeyboardInterrupt:
            stopped.set()
            raise
        took |= others.result()
    return {stage.name: took[stage.name] for stage in stages}


def main() -> int:
    """0 when every stage passed; the last line is `N passed, N failed`, counting stages."""
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--deep", action="store_true", help="slow tests too, and more examples")
    parser.add_argument("--only", help=f"stages to run, of {', '.join(names)}")
    arguments = parser.parse_args()
    usual = [stage.name for stage in STAGES if arguments.deep or not stage.slow]
    chosen = arguments.only.split(",") if arguments.only else usual
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"--only: no stage {', '.join(unknown)}; there are {', '.join(names)}")

    took = run_all((stage for stage in STAGES if stage.name in chosen), arguments.deep)

    print("\nStages")
    for name, seconds in took.items():
        print(f"  {name:<12}{'FAILED' if seconds is None else f'{seconds:8.1f} s'}")
    failed = [name for name, seconds in took.items() if seconds is None]
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(f"{len(took) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
