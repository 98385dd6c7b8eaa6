"""Prepares a fresh checkout: `.venv`, `contracts/node_modules` and the prover's binary.

Run by every make target, from any folder, with nothing but the standard library. A step that is up to
date costs milliseconds; a step that fails leaves no stamp, so the next run repeats it. One set-up runs at
a time per user, since all checkouts share the cache folder that holds the prover.

    python3 bootstrap/setup.py [--no-prover]
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CONTRACTS = ROOT / "contracts"
CIRCUITS = ROOT / "circuits_guest"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "p2pnode"
PROVER = CACHE / "cargo" / "release" / "p2pnode-prover"

OLDEST_PYTHON = (3, 11)
OLDEST_RUST = (1, 90)
UV = "0.13.9"
HEARTBEAT_SECONDS = 30.0


class SetupError(Exception):
    """One line for the user: what is missing or failed, why it is needed, how to get it."""


def use_supported_python() -> None:
    """Start over with a newer interpreter from PATH when this one is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(14, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    raise SetupError(
        f"Python 3.11 or newer: the node is written for it, this is {platform.python_version()}; "
        "get it from python.org or your package manager (python3.11, python3.11-venv)"
    )


def version_of(command: str) -> tuple[int, ...]:
    """The version that `command --version` prints; empty when it cannot run."""
    try:
        # From ROOT, so that a toolchain override of the checkout counts.
        out = subprocess.run([command, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)", out.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def check_tools() -> None:
    """Name every missing tool at once, so that the user installs them in one go."""
    missing = []
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        missing.append("Python's venv module: it makes .venv; on Debian: apt-get install python3-venv")
    rust = "get it from rustup.rs, or: rustup update stable"
    if not version_of("cargo"):
        missing.append(f"cargo: it builds the prover; {rust}")
    elif version_of("rustc") < OLDEST_RUST:
        oldest = ".".join(map(str, OLDEST_RUST))
        missing.append(f"rustc {oldest} or newer: the prover's crates ask for it; {rust}")
    # Where the `cc` crate looks: CXX, else the platform's name of the compiler.
    if not any(map(shutil.which, [os.environ.get("CXX", "c++").split()[0], "c++", "g++", "clang++"])):
        missing.append(
            "a C++ compiler: the prover's circuits are C++; on Debian: apt-get install g++, "
            "on macOS: xcode-select --install"
        )
    if missing:
        raise SetupError("\n".join(missing))


def run(what: str, command: list[str | Path], cwd: Path, hint: str = "", **env: str) -> None:
    """Run one long step with its own output passed on, and a sign of life when it is silent."""
    started = time.monotonic()
    # Node and npm of .venv come first: Hardhat refuses an older one that the machine may have.
    env = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}", **env}
    process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                code = process.wait(timeout=HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"{what}: still at it after {time.monotonic() - started:.0f} s")
    except BaseException:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        process.kill()
        raise
    if code != 0:
        raise SetupError(f"{what} failed with exit code {code}; its reason is above. {hint}".rstrip())
    say(f"{what}: done in {time.monotonic() - started:.0f} s")


def digest(*parts: str | Path) -> str:
    """SHA-256 over texts and file contents, each with its length."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode()
        hasher.update(len(data).to_bytes(8, "big") + data)
    return hasher.hexdigest()


def read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def install_python() -> None:
    """`.venv` with the packages of uv.lock, and the node itself in editable form."""
    stamp = VENV / "p2pnode-stamp"
    want = digest(UV, "bytecode", platform.python_version(), ROOT / "uv.lock", ROOT / "pyproject.toml")
    if read(stamp) == want and PYTHON.exists():
        return
    say("Python packages: about two minutes the first time")
    # An interpreter that was upgraded away leaves a .venv that no longer starts.
    if not version_of(str(PYTHON)):
        run("make .venv", [sys.executable, "-m", "venv", "--clear", VENV], ROOT)
    uv = VENV / "bin" / "uv"
    if version_of(str(uv)) != tuple(map(int, UV.split(".")[:2])):
        run("install uv", [PYTHON, "-m", "pip", "install", "--quiet", f"uv=={UV}"], ROOT)
    run(
        "uv sync",
        # --inexact: uv itself lives in this environment and is not one of the node's packages. Bytecode now:
        # where PYTHONDONTWRITEBYTECODE is set, each start of a node would compile web3 and libp2p again.
        [uv, "sync", "--frozen", "--inexact", "--compile-bytecode", "--python", PYTHON],
        ROOT,
        "a package without a wheel for this Python needs headers: apt-get install python3-dev libgmp-dev",
        UV_PROJECT_ENVIRONMENT=str(VENV),
        UV_PYTHON_DOWNLOADS="never",
    )
    stamp.write_text(want)


def install_contracts() -> None:
    """`contracts/node_modules` exactly as in package-lock.json."""
    stamp = CONTRACTS / "node_modules" / ".p2pnode-stamp"
    want = digest(CONTRACTS / "package-lock.json")
    if read(stamp) == want:
        return
    say("Contract tools: about a minute the first time")
    run("npm ci", [VENV / "bin" / "npm", "ci", "--no-audit", "--no-fund"], CONTRACTS)
    stamp.write_text(want)


def circuit_sources() -> Iterator[Path]:
    """Every file that can change the prover, in a fixed order; build output is not one."""
    for folder, names, files in os.walk(CIRCUITS):
        names[:] = sorted(n for n in names if n not in ("target", "tests") and not n.startswith((".", "__")))
        yield from (Path(folder) / name for name in sorted(files))


def build_prover() -> None:
    """The prover's binary in the user's cache folder, built once a machine."""
    stamp = PROVER.with_suffix(".stamp")
    names = [f"{path.relative_to(ROOT)}" for path in circuit_sources()]
    want = digest(str(version_of("rustc")), *names, *circuit_sources())
    if PROVER.exists() and read(stamp) == f"{want} {PROVER.stat().st_mtime_ns}":
        return
    say("prover: several minutes on 2 cores the first time, then kept for every checkout in " + str(CACHE))
    run("prover", [PYTHON, CIRCUITS / "build.py", "prover"], CIRCUITS)
    if not PROVER.exists():
        raise SetupError(f"prover: the build ended well, yet {PROVER} is missing")
    stamp.write_text(f"{want} {PROVER.stat().st_mtime_ns}")


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the user's set-up lock; the kernel frees it whatever ends this process."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this user is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    print(f"setup: {line}", flush=True)


def main(arguments: Mapping[str, bool]) -> int:
    """0 when everything is in place, 1 with a line per reason, 130 when interrupted."""
    try:
        use_supported_python()
        check_tools()
        with only_one():
            install_python()
            install_contracts()
            if arguments["prover"]:
                build_prover()
    except SetupError as error:
        for line in str(error).splitlines():
            print(f"setup: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--no-prover", dest="prover", action="store_false", help="leave the prover unbuilt")
    sys.exit(main(vars(parser.parse_args())))
