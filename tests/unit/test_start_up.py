"""Help, completion and a first question do not wait for libraries that only a command's work needs."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from p2pnode.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "eth_account", "libp2p", "onnx", "onnxruntime", "quart", "sklearn", "textual", "web3"}
"""Each takes between a fifth of a second and two seconds of a processor to import."""
SECONDS = 2.5
"""Of a processor, for the help of any command: five times what the slowest takes, since machines differ."""

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module("p2pnode.cli." + name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_no_command_loads_at_its_start_what_only_its_work_needs() -> None:
    # One process for all: what any of them loads is seen.
    loaded = set(json.loads(python("-c", LOADED, "main", *COMMANDS)))
    assert {"click", "p2pnode"} <= loaded
    assert not loaded & HEAVY


def test_the_look_finds_what_is_loaded() -> None:
    assert "textual" in json.loads(python("-c", LOADED, "top_screen"))


@pytest.mark.parametrize("command", ["--help", "version", "escrow deposit --help"])
def test_help_takes_little_of_a_processor(command: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert python("-m", "p2pnode", *command.split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
