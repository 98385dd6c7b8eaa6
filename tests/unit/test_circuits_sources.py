"""What the prover's build adds to cargo: patched crates, and the vectors of this processor."""

import sys
import tomllib
from pathlib import Path

import pytest

CIRCUITS = Path(__file__).parents[2] / "circuits_guest"
sys.path.insert(0, str(CIRCUITS))

import image  # noqa: E402
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


def test_guest_is_made_of_its_workspace_and_of_published_crates(tmp_path: Path) -> None:
    """Else its image would depend on a path: see image.py."""
    image.lay_out(tmp_path)
    members = tomllib.loads((tmp_path / "Cargo.toml").read_text())["workspace"]["members"]
    locked = tomllib.loads((tmp_path / "Cargo.lock").read_text())["package"]
    ours = {package["name"]: package["version"] for package in locked if "source" not in package}
    assert sorted(ours) == [f"p2pnode-{member}" for member in sorted(members)]
    for member in members:
        tables = tomllib.loads((tmp_path / member / "Cargo.toml").read_text())
        paths = [
            (tmp_path / member / requirement["path"]).resolve()
            for requirement in tables.get("dependencies", {}).values()
            if "path" in requirement
        ]
        assert all(path.parent == tmp_path.resolve() for path in paths)


def test_guest_has_the_crates_of_the_prover() -> None:
    prover, guest = (
        {(package["name"], package["version"]) for package in tomllib.loads(lock.read_text())["package"]}
        for lock in (CIRCUITS / "Cargo.lock", CIRCUITS / "guest" / "Cargo.lock")
    )
    pinned = {name for name, _ in prover & guest if name.startswith("risc0-")}
    assert {"risc0-zkvm", "risc0-zkvm-platform", "risc0-zkp", "risc0-binfmt"} <= pinned


@pytest.mark.parametrize(
    ("features", "level"),
    [(V4, "x86-64-v4"), (V4 - {"avx512vl"}, "x86-64-v3"), (V3 - {"fma"}, "x86-64"), (set(), "x86-64")],
)
def test_processor_level_is_one_that_it_has(features: set[str], level: str) -> None:
    assert sources.vector_level(features) == level
