"""`p2pnode submit` and `receipts` over a real control socket, with ONNX Runtime behind it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from p2pnode.cli.main import main
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.cid import to_cid
from tests.quick import quick_scrypt
from tests.unit.served_node import DIGEST, ENV, OFFER, Node, made_config, run, served


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    quick_scrypt(monkeypatch)
    return made_config(tmp_path / "n")


@pytest.fixture
def node(config: Path) -> Iterator[Node]:
    with served(config) as made:
        yield made


def test_a_folder_of_images_is_answered(config: Path, node: Node) -> None:
    result = run(config, "submit", to_cid(DIGEST), IMAGES, "--json", "--price-max", "0.02")
    assert result.exit_code == 0, result.output
    *events, last = [json.loads(line) for line in result.stdout.splitlines()]
    images = digit_images()
    assert [event["event"] for event in events] == ["answer.received"] * len(images)
    tasks = last["tasks"]
    assert [task["label"] for task in tasks] == [path.name for path, _ in images]
    right = sum(task["outputs"]["digit"] == [label] for task, (_, label) in zip(tasks, images, strict=True))
    assert right >= 15
    (request,) = node.requests
    assert (request.model_digest, request.price_max, request.wait) == (DIGEST, 2 * 10**16, "settled")


def test_answers_are_shown_to_people_without_control_characters(config: Path, node: Node) -> None:
    path, label = digit_images()[0]
    result = run(config, "submit", str(DIGITS), path)
    assert result.exit_code == 0, result.output
    assert f"digit = [{label}]" in result.stdout
    assert "\x1b[2J" not in result.stdout
    assert "0.01 JOY to 0x0707" in result.stdout


def test_a_task_that_did_not_get_that_far_fails_the_command(config: Path, node: Node) -> None:
    path, _ = digit_images()[0]
    node.end = "answered"
    assert run(config, "submit", to_cid(DIGEST), path).exit_code == 1
    assert run(config, "submit", to_cid(DIGEST), path, "--wait", "answered").exit_code == 0


def test_who_got_no_bid_is_told_how_to_learn_why(config: Path, node: Node) -> None:
    paths = [path for path, _ in digit_images()[:2]]
    hint = f"what would get a bid: p2pnode explain {OFFER[:12]}\n"
    assert hint not in run(config, "submit", to_cid(DIGEST), *paths).output
    node.end = "unbid"
    assert run(config, "submit", to_cid(DIGEST), *paths).stderr.count(hint) == 1


def test_receipts_are_saved(config: Path, node: Node, tmp_path: Path) -> None:
    path, _ = digit_images()[0]
    folder = tmp_path / "receipts"
    assert run(config, "submit", to_cid(DIGEST), path, "--receipts", folder).exit_code == 0
    (saved,) = folder.iterdir()
    assert json.loads(saved.read_text()) == {"receipt": "00" * 32}


def test_a_wrong_input_is_named_and_nothing_is_sent(config: Path, node: Node, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[1, 2]")
    result = run(config, "submit", to_cid(DIGEST), digit_images()[0][0], wrong)
    assert result.exit_code == 1
    assert "wrong.json" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not node.requests


def test_what_the_node_refuses_is_told(config: Path, node: Node) -> None:
    path, _ = digit_images()[0]
    result = run(config, "submit", to_cid(DIGEST), path, "--price-max", "0")
    assert (result.exit_code, result.stderr) == (1, "error: price_max is 0; nobody bids\n")
    result = run(config, "submit", to_cid(bytes(32)), path)
    assert "is not registered" in result.stderr


def test_one_receipt_is_shown_by_the_start_of_its_id(config: Path, node: Node, tmp_path: Path) -> None:
    assert json.loads(run(config, "receipts", "show", "0xab").stdout) == {"receipt": "ab" * 32}
    ambiguous = run(config, "receipts", "show", "a")
    assert (ambiguous.exit_code, "2 receipts match" in ambiguous.stderr) == (1, True)
    target = tmp_path / "receipt.json"
    assert run(config, "receipts", "show", "ac", "-o", target).exit_code == 0
    assert json.loads(target.read_text()) == {"receipt": "ac" * 32}


def test_explain_fits_on_a_screen_and_ends_with_the_advice(node: Node, config: Path) -> None:
    result = CliRunner().invoke(main, ["explain", "ab12", "--config", str(config)], env=ENV)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len(lines) == 7
    assert lines[2] == "price    0 JOY to 0.01 JOY"
    assert lines[4].endswith("3 of 8 places taken  price-too-low: too low?[31m")
    assert lines[5].endswith("would bid 0.02 JOY")
    assert lines[6].startswith("advice   change price_max")


def test_resume_says_what_had_stopped_the_worker(node: Node, config: Path) -> None:
    result = CliRunner().invoke(main, ["node", "resume", "--config", str(config)], env=ENV)
    assert result.output == "bidding again; it had stopped after 3 failures in a row\n"
