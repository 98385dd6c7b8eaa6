"""The first build of the prover on a machine, in processor minutes: into an empty cache."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from p2pnode.errors import ProverError
from p2pnode.proving.build import prover_sources


def measure_cold_build(sources: Path | None = None) -> Mapping[str, float]:
    """Builds the prover of `sources` (a `circuits_guest` folder; this checkout's if not given) from nothing.

    Processor seconds of cargo, of every compiler and of every build script, as other work on the machine
    disturbs them least. Downloads are fetched before, since they depend on the network and are kept. Raises
    ProverError when it does not build.
    """
    folder = sources if sources is not None else prover_sources()
    with tempfile.TemporaryDirectory(prefix="p2pnode-cold-") as cache:
        env = {**os.environ, "XDG_CACHE_HOME": cache}
        _run([sys.executable, str(folder / "build.py"), "cargo", "--", "fetch", "--locked"], env)
        start = time.monotonic()
        user, system = _run([sys.executable, str(folder / "build.py"), "prover"], env)
        wall = time.monotonic() - start
        release = Path(cache) / "p2pnode" / "cargo" / "release"
        binary = (release / "p2pnode-prover").stat().st_size
        crates = len(list((release / "deps").glob("*.d")))
    return {
        "processor minutes": round((user + system) / 60, 1),
        "wall minutes": round(wall / 60, 1),
        "crates": crates,
        "binary MiB": round(binary / 2**20, 1),
    }


def _run(command: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """User and system seconds of the command and of all that it waited for."""
    process = subprocess.Popen(command, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProverError(f"{' '.join(command)} failed with exit code {process.returncode}")
    return usage.ru_utime, usage.ru_stime
