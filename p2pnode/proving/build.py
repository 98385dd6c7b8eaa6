"""The prover's sources that come with this package, and their build."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from p2pnode.errors import ProverError

_PACKAGE = Path(__file__).resolve().parents[1]


def prover_sources() -> Path:
    """The Rust workspace: in a wheel inside of the package, in a checkout beside it. Raises ProverError."""
    for folder in (_PACKAGE / "prover_source", _PACKAGE.parent / "circuits_guest"):
        if (folder / "build.py").is_file():
            return folder
    raise ProverError(f"the prover's sources are not in {_PACKAGE}; install p2pnode again")


def build_prover(run: Callable[..., "subprocess.CompletedProcess[bytes]"] = subprocess.run) -> None:
    """Build it into the user's cache; its progress goes to this process's output.

    Takes some minutes the first time, and needs Rust, a C++ compiler and git. Raises ProverError.
    """
    done = run([sys.executable, str(prover_sources() / "build.py"), "prover"], check=False)
    if done.returncode:
        raise ProverError(
            f"the prover did not build (exit code {done.returncode}); the reason is above. It needs Rust "
            "(rustup.rs), a C++ compiler (Debian: apt-get install g++) and git"
        )
