"""What ships beside the node: each file names only what there is."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pnode.config import SECTIONS, Config
from p2pnode.settings import declared
from tests.commands import parse

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
METRICS = (ROOT / "p2pnode" / "api" / "http" / "metrics.py").read_text()
OTHERS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def expressions() -> Iterator[str]:
    board = json.loads((DEPLOY / "monitoring" / "grafana.json").read_text())
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])
    alerts = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text())
    yield from (rule["expr"] for group in alerts["groups"] for rule in group["rules"])


@pytest.mark.parametrize("expression", list(expressions()))
def test_boards_and_alerts_ask_for_metrics_that_there_are(expression: str) -> None:
    plain = re.sub(r'"[^"]*"', '""', expression)
    for name in re.findall(r"\b(?:p2pnode|process)_\w+|\bup\b", plain):
        base = re.sub(r"_(total|bucket)$", "", name)
        assert name in OTHERS or f'"{base}"' in METRICS, name


def test_events_in_alerts_are_those_of_the_market() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "p2pnode" / "market").glob("*.py"))
    for expression in expressions():
        for names in re.findall(r'event=~?"([^"]+)"', expression):
            assert all(f'"{name}"' in sources for name in names.split("|")), names


def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"])


@pytest.mark.parametrize("name", list(services()))
def test_compose_runs_commands_and_settings_that_there_are(name: str) -> None:
    command = services()[name]["command"]
    parse(command)
    known = {f"{section}.{item.name}" for section, kind in SECTIONS.items() for item in declared(kind)}
    known |= {item.name for item in declared(Config)}
    for part in command:
        if part.startswith("--set="):
            assert part.removeprefix("--set=").partition("=")[0] in known


def test_the_image_is_made_of_files_that_there_are() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()
    assert "circuits_guest/build.py prover" in text
    assert (ROOT / "circuits_guest" / "build.py").exists()


def test_the_unit_starts_a_command_that_there_is() -> None:
    text = (DEPLOY / "p2pnode.service").read_text()
    (start,) = re.findall(r"^ExecStart=\S+/p2pnode (.+)$", text, re.MULTILINE)
    parse(shlex.split(start))
    if shutil.which("systemd-analyze"):
        found = subprocess.run(
            ["systemd-analyze", "verify", DEPLOY / "p2pnode.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        problems = [line for line in found.stderr.splitlines() if "p2pnode.service" in line]
        assert [line for line in problems if "is not executable" not in line] == []
