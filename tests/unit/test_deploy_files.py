"""What ships beside the node: each file names only what there is."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from compose_spec import PyCompose

from p2pnode.config import SECTIONS, Config
from p2pnode.settings import declared
from tests.commands import parse

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
METRICS = (ROOT / "p2pnode" / "api" / "http" / "metrics.py").read_text()
RULES = ROOT / "tests" / "vectors" / "alerts_test.yml"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool; apt-get install prometheus")
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


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", DEPLOY / "monitoring" / "alerts.yml")
    # The token's file is the operator's.
    promtool("check", "config", "--syntax-only", DEPLOY / "monitoring" / "prometheus.yml")


@needs_promtool
def test_prometheus_can_evaluate_the_board(tmp_path: Path) -> None:
    rules = [
        {"record": f"board:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions())
    ]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "board.yml")


@needs_promtool
def test_every_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", RULES)


def test_every_alert_has_a_test() -> None:
    alerts = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text())
    named = {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    cases = [case for test in yaml.safe_load(RULES.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == named
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == named


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


def test_compose_keeps_to_the_specification() -> None:
    assert set(PyCompose.from_yaml(yaml.safe_dump(compose())).service_names()) == set(services())
    faults: tuple[dict[str, Any], ...] = ({"port": []}, {"restart": 3}, {"volumes": [{"type": "none"}]})
    for wrong in faults:
        changed = compose()
        changed["services"]["worker"].update(wrong)
        with pytest.raises(ValueError, match="worker"):
            PyCompose.from_yaml(yaml.safe_dump(changed))


def test_compose_mounts_what_it_declares() -> None:
    whole = compose()
    for name, service in services().items():
        assert all(one["source"] in whole["secrets"] for one in service["secrets"]), name
        assert all(other in services() for other in service.get("depends_on", [])), name
        mounted = {volume.split(":")[0] for volume in service["volumes"]}
        assert {one for one in mounted if not one.startswith(".")} <= set(whole["volumes"]), name


def test_the_image_has_no_lint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def services() -> dict[str, Any]:
    return dict(compose()["services"])


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
    named = re.findall(r"(?:^#   |-u p2pnode |`)p2pnode ([a-z][^`&\n]+)", text, re.MULTILINE)
    assert len(named) == 3
    for command in (start, *named):
        parse(shlex.split(command))
    if shutil.which("systemd-analyze"):
        found = subprocess.run(
            ["systemd-analyze", "verify", DEPLOY / "p2pnode.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        problems = [line for line in found.stderr.splitlines() if "p2pnode.service" in line]
        assert [line for line in problems if "is not executable" not in line] == []
