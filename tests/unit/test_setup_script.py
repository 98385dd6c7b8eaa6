"""The set-up script: what it says when something is missing, and that it does nothing twice."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "bootstrap" / "setup.py"


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module whose checkout and cache are empty folders of the test's own."""
    spec = importlib.util.spec_from_file_location("p2pnode_setup", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    paths = {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "PYTHON": tmp_path / ".venv" / "bin" / "python",
        "CONTRACTS": tmp_path / "contracts",
        "CIRCUITS": tmp_path / "circuits_guest",
        "CACHE": tmp_path / "cache",
        "PROVER": tmp_path / "cache" / "cargo" / "release" / "p2pnode-prover",
    }
    for name, path in paths.items():
        monkeypatch.setattr(module, name, path)
    return module


def executable(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_every_missing_tool_is_named_at_once_in_a_line_of_its_own(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    lines = run.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["cargo", "a C++ compiler"]
    assert all("get it from" in line or "apt-get install" in line for line in lines)


def test_an_old_rust_is_named_with_the_version_that_is_needed(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("cargo", "cargo 1.70.0"), ("rustc", "rustc 1.70.0 (90c541806 2023-05-31)")):
        executable(tmp_path / "bin" / name, f"echo '{version}'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(setup.SetupError, match=r"rustc 1\.90 or newer"):
        setup.check_tools()


def test_a_step_that_fails_says_so_and_leaves_no_stamp(setup: ModuleType, tmp_path: Path) -> None:
    executable(tmp_path / ".venv" / "bin" / "npm", "exit 7")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "package-lock.json").write_text("{}")
    with pytest.raises(setup.SetupError, match="npm ci failed with exit code 7"):
        setup.install_contracts()
    assert not (tmp_path / "contracts" / "node_modules").exists()


def test_contracts_are_installed_again_only_when_the_lock_changes(setup: ModuleType, tmp_path: Path) -> None:
    executable(tmp_path / ".venv" / "bin" / "npm", "mkdir -p node_modules && echo run >> ../runs")
    lock = tmp_path / "contracts" / "package-lock.json"
    lock.parent.mkdir()
    lock.write_text("{}")
    setup.install_contracts()
    setup.install_contracts()
    assert (tmp_path / "runs").read_text() == "run\n"
    lock.write_text('{"changed": true}')
    setup.install_contracts()
    assert (tmp_path / "runs").read_text() == "run\n" * 2


def test_prover_is_built_again_when_a_source_changes_or_another_was_built(
    setup: ModuleType, tmp_path: Path
) -> None:
    executable(
        tmp_path / ".venv" / "bin" / "python",
        f"mkdir -p {setup.PROVER.parent} && echo run >> {tmp_path}/runs && echo binary > {setup.PROVER}",
    )
    source = tmp_path / "circuits_guest" / "prover" / "main.rs"
    source.parent.mkdir(parents=True)
    source.write_text("fn main() {}")

    def runs() -> int:
        setup.build_prover()
        return (tmp_path / "runs").read_text().count("run")

    assert runs() == 1
    assert runs() == 1
    source.write_text("fn main() { }")
    assert runs() == 2
    # Build output is no source.
    (tmp_path / "circuits_guest" / "target").mkdir()
    (tmp_path / "circuits_guest" / "target" / "x").touch()
    assert runs() == 2
    # Another checkout's build took the place of this one's.
    os.utime(setup.PROVER, ns=(1, 1))
    assert runs() == 3
    setup.PROVER.unlink()
    assert runs() == 4


def test_one_setup_at_a_time(setup: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache").mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys, time\n"
            "lock = open(sys.argv[1], 'w')\n"
            "fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "time.sleep(0.5)\n",
            tmp_path / "cache" / "setup.lock",
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with setup.only_one():
        assert holder.wait(timeout=5) == 0
    holder.stdout.close()
    assert "waiting for it" in capsys.readouterr().out
