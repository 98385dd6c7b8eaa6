"""docs/monitoring.md names every event, warning and metric that there is, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from p2pnode.overview import FAULTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
SOURCES = sorted((ROOT / "p2pnode").rglob("*.py"))
EVENT_CALLS = {"on_event", "events"}
"""How the parts report to `events.Events`."""
WARNING_CALLS = {"warning", "error", "exception"}
OF_THE_DEVNET = ROOT / "p2pnode" / "devnet"


def named(calls: set[str]) -> set[str]:
    """Dotted names that are the first argument of a method among `calls`."""
    return {name for path in SOURCES if OF_THE_DEVNET not in path.parents for name in _named(path, calls)}


def _named(path: Path, calls: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in calls:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z_]+", str(first.value)):
                yield str(first.value)


def in_table(title: str) -> set[str]:
    """Names in the first column of the table below a heading."""
    section = PAGE.partition(f"### {title}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}


def test_every_event_is_explained_and_every_explained_event_exists() -> None:
    events = named(EVENT_CALLS)
    assert len(events) > 40
    assert in_table("Events") == events


def test_every_warning_is_explained_and_every_explained_warning_exists() -> None:
    warnings = named(WARNING_CALLS)
    assert len(warnings) > 20
    assert in_table("Warnings") == warnings


def test_faults_on_the_screens_are_events() -> None:
    assert named(EVENT_CALLS) >= FAULTS


def test_every_metric_is_explained_and_every_explained_metric_exists() -> None:
    source = (ROOT / "p2pnode" / "api" / "http" / "metrics.py").read_text()
    counters = set(re.findall(r'Counter(?:MetricFamily)?\(\s*"(p2pnode_\w+)"', source))
    made = {f"{name}_total" if name in counters else name for name in re.findall(r'"(p2pnode_\w+)"', source)}
    assert len(made) > 10
    assert set(re.findall(r"`(p2pnode_\w+)", PAGE)) == made
