"""The wheel: a command that works away from the checkout, and the sources of its prover."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def p2pnode(site: Path, cwd: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "p2pnode", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_works_away_from_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    shown = p2pnode(unpacked, tmp_path, "init", "node", "--json", P2PNODE_PASSWORD="secret")
    assert shown.returncode == 0, shown.stderr
    where = subprocess.run(
        [sys.executable, "-c", "import p2pnode; print(p2pnode.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(unpacked))


def test_it_has_what_it_serves_and_says_that_it_is_typed(unpacked: Path) -> None:
    package = unpacked / "p2pnode"
    for name in (
        "py.typed",
        "api/http/static/htmx.min.js",
        "api/http/templates/base.html",
        "models/digits.onnx",
    ):
        assert (package / name).is_file(), name


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo on this machine")
def test_its_prover_can_be_built_from_it(unpacked: Path) -> None:
    sources = unpacked / "p2pnode" / "prover_source"
    command = ["cargo", "metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]
    found = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    tracked = subprocess.run(
        ["git", "ls-files", "*/src/*", "images", "patches"],
        cwd=ROOT / "circuits_guest",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = [name for name in tracked if not name.startswith("stock/")]
    assert len(wanted) > 50
    for name in wanted:
        assert (sources / name).read_bytes() == (ROOT / "circuits_guest" / name).read_bytes(), name


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    command = tmp_path / "p2pnode"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m p2pnode "$@"\n')
    command.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for typed, offered in {
        "p2pnode boo": ["bootstrap"],
        "p2pnode models qu": ["quantise"],
        "p2pnode doctor --str": ["--strict"],
    }.items():
        words = typed.split()
        script = (
            'eval "$(p2pnode completion bash)"; '
            f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
            f'_p2pnode_completion p2pnode "{words[-1]}" "{words[-2]}"; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        done = subprocess.run(
            ["bash", "-c", script], env=env, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stdout.split() == offered, done.stderr


def test_completion_and_manual_page_name_every_command(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from p2pnode.cli.main import COMMANDS, main

    for shell in ("bash", "zsh", "fish"):
        assert "_P2PNODE_COMPLETE" in CliRunner().invoke(main, ["completion", shell]).stdout
    page = CliRunner().invoke(main, ["man"]).stdout
    for name in COMMANDS:
        assert f'.SS "p2pnode {name}' in page or f'.SS "p2pnode {name} ' in page
    if shutil.which("man"):
        file = tmp_path / "p2pnode.1"
        file.write_text(page)
        shown = subprocess.run(
            ["man", "--warnings", "-l", file],
            capture_output=True,
            text=True,
            env={**os.environ, "PAGER": "cat"},
        )
        assert shown.stderr == ""
        assert "p2pnode doctor" in shown.stdout.replace("\x08", "")
