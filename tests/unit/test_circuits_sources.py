"""What the prover's build adds to cargo: patched crates, and the vectors of this processor."""

import sys
import tomllib
from pathlib import Path

import pytest

CIRCUITS = Path(__file__).parents[2] / "circuits_guest"
sys.path.insert(0, str(CIRCUITS))

import sources  # noqa: E402

V3 = {"avx2", "bmi1", "bmi2", "fma", "lzcnt", "movbe"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def test_every_patched_crate_is_pinned_to_what_the_prover_is_built_with() -> None:
    pinned = tomllib.loads((CIRCUITS / "patches" / "Cargo.toml").read_text())["dependencies"]
    assert sources.patched_crates() == sorted(pinned)
    locked = tomllib.loads((CIRCUITS / "Cargo.lock").read_text())["package"]
    versions = {package["name"]: package["version"] for package in locked}
    for crate, requirement in pinned.items():
        assert requirement["version"] == f"={versions[crate]}", crate


def test_stock_verifier_is_that_of_the_provers_release() -> None:
    ours, stock = (
        {package["name"]: package for package in tomllib.loads(lock.read_text())["package"]}
        for lock in (CIRCUITS / "Cargo.lock", CIRCUITS / "stock" / "Cargo.lock")
    )
    for name in ("risc0-zkvm", "risc0-zkp", "risc0-circuit-recursion", "risc0-circuit-rv32im"):
        assert stock[name]["version"] == ours[name]["version"]
        assert stock[name]["source"].startswith("registry+"), f"{name} is patched"


@pytest.mark.parametrize(
    ("features", "level"),
    [(V4, "x86-64-v4"), (V4 - {"avx512vl"}, "x86-64-v3"), (V3 - {"fma"}, "x86-64"), (set(), "x86-64")],
)
def test_processor_level_is_one_that_it_has(features: set[str], level: str) -> None:
    assert sources.vector_level(features) == level
