"""The pages: they build, none is forgotten, and every command in them is one that there is."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

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
        lines = [part.strip() for line in joined.splitlines() for part in line.split("; ")]
        found += [line for line in lines if line.startswith("p2pnode ")]
    return found


def plain(command: str) -> list[list[str]]:
    """The commands of a line without the marks of a synopsis: `[--x N]...`, comments, redirections, `&`.

    Of `a x | y | z` all three; of two options one of which is needed, the first.
    """
    text = re.sub(r"\s(#|>|&).*$", "", command)
    text = re.sub(r" \| --[\w-]+ \w+", "", text)
    text = re.sub(r"[\[\]]|\.\.\.(?=\s|$)", "", text)
    first, *others = (shlex.split(part) for part in text.split(" | "))
    group = parse(first[1:])[:-1]
    return [first[1:], *([*group, *other] for other in others)]


def test_enough_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_page_is_one_that_there_is(page: Path) -> None:
    for command in commands(page):
        if "COMMAND" not in command:
            for arguments in plain(command):
                parse(arguments)


def is_run(group: str, last: str, source: str) -> bool:
    """Whether a test calls a command."""
    quoted = re.escape(f'"{last}"')
    if not group:
        return re.search(rf"[\[(]\s*{quoted}|p2pnode\", {quoted}", source) is not None
    together = rf'"{group}",\s*{quoted}'
    # A helper that calls the group leaves only the last word to its callers.
    helped = f'["{group}", *' in source and f'"{last}"' in source
    return helped or re.search(together, source) is not None


def test_every_command_in_the_pages_is_run_by_a_test() -> None:
    named = {
        tuple(parse(arguments))
        for page in PAGES
        for command in commands(page)
        if "COMMAND" not in command
        for arguments in plain(command)
    }
    # The devnet and the benchmarks run commands for the tests that stand on them.
    folders = (ROOT / "tests", ROOT / "p2pnode" / "devnet", ROOT / "p2pnode" / "demo")
    sources = [path.read_text() for folder in folders for path in folder.rglob("*.py")]
    missing = [
        " ".join(names)
        for names in sorted(named)
        if not any(is_run(" ".join(names[:-1]), names[-1], source) for source in sources)
    ]
    assert missing == []


def test_a_command_that_there_is_not_is_found() -> None:
    for wrong in ("fly", "node fly", "doctor --fast", "run now"):
        with pytest.raises(Exception):  # noqa: B017, PT011
            parse(shlex.split(wrong))


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text())["strict"]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    assert "On a shared network" in (tmp_path / "quick-start.html").read_text()
    # The hook's pages: a decision, and the contracts' own page with its links as seen from here.
    assert "Decisions" in (tmp_path / "decisions" / "0015-one-http-port.html").read_text()
    assert "ProofOfInference" in (tmp_path / "contracts.html").read_text()
