"""The registry crates that are patched, and the compiler flags for this machine's packed arithmetic.

Standard library only, like build.py.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATCHES = HERE / "patches"


class BuildError(Exception):
    """What is missing, why it is needed, how to get it."""


def tool(name: str, why: str, remedy: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildError(f"{name} is missing: {why}. {remedy}")
    return found


def cargo() -> str:
    return tool("cargo", "the prover is written in Rust", "Install a Rust toolchain (https://rustup.rs).")


def patched_crates() -> list[str]:
    return sorted(patch.stem for patch in PATCHES.glob("*.patch"))


def patched_sources(cache: Path) -> dict[str, Path]:
    """Patched copies of the crates that need a patch, made from the registry's checked sources."""
    crates = patched_crates()
    digest = hashlib.sha256((PATCHES / "Cargo.lock").read_bytes())
    for crate in crates:
        digest.update((PATCHES / f"{crate}.patch").read_bytes())
    target = cache / "patched" / digest.hexdigest()[:16]
    copies = {crate: target / crate for crate in crates}
    if target.exists():
        return copies
    git = tool("git", "it applies the patches of dependencies", "Install git.")
    listing = subprocess.run(
        [
            cargo(),
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            str(PATCHES / "Cargo.toml"),
        ],
        check=True,
        stdout=subprocess.PIPE,
    )
    packages = {p["name"]: Path(p["manifest_path"]).parent for p in json.loads(listing.stdout)["packages"]}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        # Outside any repository git apply takes paths as they stand; the ceiling keeps it from looking up.
        env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(Path(scratch).resolve())}
        whole = Path(scratch) / "whole"
        for crate in crates:
            copy = whole / crate
            shutil.copytree(packages[crate], copy)
            subprocess.run(
                [git, "apply", "-p0", str(PATCHES / f"{crate}.patch")], cwd=copy, env=env, check=True
            )
        try:
            whole.rename(target)
        except OSError:
            if not target.exists():  # else another build was faster, with the same bytes
                raise
    return copies


def patch_options(cache: Path) -> list[str]:
    """Options that make cargo take the patched crates, and the packed arithmetic that they call."""
    paths = {**patched_sources(cache), "p2pnode-packed": HERE / "packed"}
    return [
        option
        for crate, path in paths.items()
        for option in ("--config", f'patch.crates-io.{crate}.path="{path}"')
    ]


def vector_flags() -> dict[str, str]:
    """The variable that has cargo use the widest vectors of this processor that the packed code knows.

    A level by name, not "native": cargo then builds anew when the cache meets another processor. For this
    machine's own target only, as others are built here too. Architectures other than x86-64 have their
    vectors in the baseline. Whoever sets RUSTFLAGS overrides this, and has to choose the processor himself.
    """
    rustc = tool("rustc", "the prover is written in Rust", "Install a Rust toolchain (https://rustup.rs).")
    version = subprocess.check_output([rustc, "-vV"], text=True)
    host = next(line.split()[1] for line in version.splitlines() if line.startswith("host:"))
    if not host.startswith("x86_64"):
        return {}
    listing = subprocess.check_output([rustc, "-Ctarget-cpu=native", "--print", "cfg"], text=True)
    level = vector_level({line.split('"')[1] for line in listing.splitlines() if "target_feature=" in line})
    name = f"CARGO_TARGET_{host.upper().replace('-', '_')}_RUSTFLAGS"
    return {name: f"{os.environ.get(name, '')} -Ctarget-cpu={level}".strip()}


def vector_level(features: set[str]) -> str:
    """The highest level of x86-64 whose features are all there."""
    for level, needed in (
        ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
        ("x86-64-v3", {"avx2", "bmi1", "bmi2", "fma", "lzcnt", "movbe"}),
    ):
        if needed <= features:
            return level
    return "x86-64"
