"""The guides' commands, run on a real network as their reader would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import p2pnode
from p2pnode.models import DIGITS, digit_images
from tests.commands import parse
from tests.e2e.api_network import ApiNetwork
from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.e2e

ELSEWHERE = {
    # The network's fixture runs these to come up.
    "run",
    "node register",
    # tests/unit/test_cli_init_wizard.py, tests/chain/test_network_deploy.py
    "init",
    "network deploy",
    # tests/chain/test_cli.py: the worker is needed by the tests beside this one.
    "node leave",
    "node withdraw",
    # tests/unit/test_top_screen.py: it takes the terminal over.
    "top",
    # tests/e2e/test_bench.py: it proves.
    "bench",
    # bootstrap/setup.py does it before any test.
    "prover build",
}


def lines(page: str) -> list[str]:
    """The commands of a page's `sh` blocks."""
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def commands(page: str) -> list[str]:
    """Those that can be run here: of `p2pnode`, and requests to the API."""
    found = []
    for line in lines(page):
        if line.startswith("curl ") or (
            line.startswith("p2pnode ") and " ".join(parse(line.split()[1:])) not in ELSEWHERE
        ):
            found.append(line)
    return found


@pytest.fixture
def home(api_network: ApiNetwork, tmp_path: Path) -> Path:
    """A reader's home: his node, and the files that the guides speak of in the working directory."""
    (tmp_path / ".p2pnode").symlink_to(api_network.devnet.requester.folder)
    shutil.copy(DIGITS, tmp_path / "digits.onnx")
    (tmp_path / "images").mkdir()
    file, _ = digit_images()[0]
    shutil.copy(file, tmp_path / "images")
    shutil.copy(api_network.devnet.deployment, tmp_path / "deployment.json")
    shutil.copy(api_network.devnet.folder / "bootstrap.peers", tmp_path)
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "p2pnode").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m p2pnode "$@"\n')
    (scripts / "p2pnode").chmod(0o755)
    return tmp_path


@pytest.fixture(scope="module")
def ran() -> set[str]:
    """Commands that were run."""
    return set()


def shell(command: str, home: Path, network: ApiNetwork) -> subprocess.CompletedProcess[str]:
    text = command.replace("http://127.0.0.1:8420", network.url).replace(
        "http://127.0.0.1:8545", network.devnet.url
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("P2PNODE_")}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    env |= {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{env['PATH']}",
        "XDG_CACHE_HOME": cache,
        "P2PNODE_NETWORKS": str(home / "networks"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["bash", "-c", text], cwd=home, env=env, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    "page", ["quick-start.md", "operator-guide.md", "requester-guide.md", "http-api.md", "monitoring.md"]
)
def test_the_commands_of_a_guide_do_what_it_says(
    page: str, home: Path, api_network: ApiNetwork, settled: p2pnode.Inference, ran: set[str]
) -> None:
    if page == "requester-guide.md":
        (home / "receipts").mkdir()
    found = commands(page)
    assert found
    for command in found:
        # What several guides name is run once: the flags of `doctor` have tests of their own.
        plain = re.sub(r" --(json|strict)\b", "", command)
        if plain in ran:
            continue
        ran.add(plain)
        # With a proof each, the pages' own settling would take minutes.
        offer = str(api_network.events("offer.published")[-1]["offer"])
        done = shell(
            command.replace("--wait settled", "--wait answered").replace("OFFER", offer), home, api_network
        )
        if command == "p2pnode verify receipts/*.json" and not list((home / "receipts").iterdir()):
            receipt = shell(f"p2pnode receipts show {settled.task_id} -o receipts/r.json", home, api_network)
            assert receipt.returncode == 0, receipt.stderr
            done = shell(command, home, api_network)
        # A warning on this machine, such as a clock that nothing keeps, fails a strict doctor.
        allowed = (0, 1) if "--strict" in command else (0,)
        assert done.returncode in allowed, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout, command
        assert '"kind"' not in done.stdout or "doctor" in command, done.stdout


def examples(page: str) -> list[str]:
    """A page's Python that needs a running node."""
    text = (ROOT / "docs" / page).read_text()
    found = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if "Client(" in block]


PAGES = ("requester-guide.md", "http-api.md", "python-api.md")


def test_every_page_of_examples_has_one() -> None:
    assert all(examples(page) for page in PAGES)


@pytest.mark.parametrize("example", [block for page in PAGES for block in examples(page)])
def test_the_examples_of_a_guide_run(example: str, home: Path, api_network: ApiNetwork) -> None:
    where = api_network.url.removeprefix("http://")
    text = example.replace("127.0.0.1:8420", where).replace("Client()", f'Client("{api_network.url}")')
    if re.search("^async with", text, re.MULTILINE):
        # As in a notebook, where a cell may await.
        body = "".join(f"    {line}\n" for line in text.splitlines() if not line.startswith("import"))
        heads = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("import"))
        text = f"import asyncio\n{heads}async def main():\n{body}asyncio.run(main())\n"
    (home / "example.py").write_text(text)
    done = shell(f'"{sys.executable}" example.py', home, api_network)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\[\d\]", done.stdout), done.stdout
