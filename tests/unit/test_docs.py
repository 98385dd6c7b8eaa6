"""The pages: they build, none is forgotten, and every command in them is one that there is."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def commands(page: Path) -> list[str]:
    """Lines of a page's code blocks that begin with `p2pnode`, continued ones joined."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:sh|console|)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"(?:^    .+\n)+", text, re.MULTILINE)
    found = []
    for block in blocks:
        joined = re.sub(r"\n {8,}(?=[\[<-])", " ", block)
        found += [line.strip() for line in joined.splitlines() if line.strip().startswith("p2pnode ")]
    return found


def plain(command: str) -> list[str]:
    """A command without the marks of its synopsis: `[--x N]...`, `a|b`, comments, redirections, `&`."""
    text = re.sub(r"\s(#|>|&).*$", "", command)
    text = re.sub(r"[\[\]]|\.\.\.(?=\s|$)", "", text)
    return shlex.split(text)[1:]


def test_enough_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_page_is_one_that_there_is(page: Path) -> None:
    for command in commands(page):
        if "COMMAND" not in command:
            parse(plain(command))


def test_a_command_that_there_is_not_is_found() -> None:
    for wrong in ("fly", "node fly", "doctor --fast", "run now"):
        with pytest.raises(Exception):  # noqa: B017, PT011
            parse(shlex.split(wrong))


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text())) - {"contracts/README.md"}
    assert listed == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text())["strict"]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    assert "On a shared network" in (tmp_path / "quick-start.html").read_text()
