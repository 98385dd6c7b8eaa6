"""`p2pnode session` over a real control socket, with ONNX Runtime behind it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pnode.cli.session import CHUNK_CALLS
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.cid import to_cid
from tests.quick import quick_scrypt
from tests.unit.served_node import DIGEST, Node, made_config, run, served


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    quick_scrypt(monkeypatch)
    return made_config(tmp_path / "n")


@pytest.fixture
def node(config: Path) -> Iterator[Node]:
    with served(config) as made:
        yield made


OPEN = ("session", "open", str(DIGITS), "--price", "0.0001", "--calls", "1000")


def test_a_session_is_opened_called_closed_and_settled(config: Path, node: Node) -> None:
    opened = run(config, *OPEN, "--json")
    assert opened.exit_code == 0, opened.output
    session = json.loads(opened.stdout)["session"]
    (order,) = node.sessions.opened
    assert (order.model_digest, order.price, order.most_calls) == (DIGEST, 10**14, 1000)
    called = run(config, "session", "call", session[:6], IMAGES, "--json")
    assert called.exit_code == 0, called.output
    *answers, last = [json.loads(line) for line in called.stdout.splitlines()]
    images = digit_images()
    assert [one["label"] for one in answers] == [path.name for path, _ in images]
    assert [one["call"] for one in answers] == list(range(1, len(images) + 1))
    right = sum(one["outputs"]["digit"] == [label] for one, (_, label) in zip(answers, images, strict=True))
    assert right >= 15
    assert (last["calls"], last["state"]) == (len(images), "open")
    early = run(config, "session", "settle", session)
    assert (early.exit_code, "only an ended one" in early.stderr) == (1, True)
    assert (
        run(config, "session", "close", session).stdout == f"ended, {len(images)} calls made, nothing owed\n"
    )
    settled = run(config, "session", "settle", session)
    assert settled.stdout == f"settled, {len(images)} of {len(images)} calls are paid\n"
    assert run(config, "session", "close", "last").stdout.startswith("settled")
    (line,) = run(config, "session", "list").stdout.splitlines()
    assert line.startswith(session[:14])
    assert "settled" in line
    assert [
        one["session"] for one in json.loads(run(config, "session", "list", "--json").stdout)["sessions"]
    ] == [session]


def test_people_read_what_a_session_costs_and_each_answer(config: Path, node: Node) -> None:
    opened = run(config, *OPEN)
    # 1000 calls of 0.0001 and a fee of 0.001, and 0.01 for the settlement.
    assert "at most  1.11 JOY, of it 0.01 JOY once" in opened.stdout
    path, label = digit_images()[0]
    called = run(config, "session", "call", "a1", path, "--close")
    assert called.exit_code == 0, called.output
    answer, last = called.stdout.splitlines()
    assert answer.startswith(f"     1  {path.name}: ")
    assert f"digit = [{label}]" in answer
    assert last.endswith("1 of 1000 calls made, nothing owed")
    assert node.sessions.reports[b"\xa1" * 32]["state"] == "ended"


def test_many_inputs_are_asked_for_in_pieces(config: Path, node: Node, tmp_path: Path) -> None:
    run(config, *OPEN)
    folder = tmp_path / "many"
    folder.mkdir()
    path, _ = digit_images()[0]
    for number in range(CHUNK_CALLS + 2):
        shutil.copy(path, folder / f"{number:04}{path.suffix}")
    called = run(config, "session", "call", "a1", folder, "--json")
    assert called.exit_code == 0, called.output
    assert node.sessions.asked == [CHUNK_CALLS, 2]
    answers = [json.loads(line) for line in called.stdout.splitlines()[:-1]]
    assert [one["label"] for one in answers] == sorted(file.name for file in folder.iterdir())


def test_what_is_wrong_is_said_in_a_line(config: Path, node: Node, tmp_path: Path) -> None:
    free = run(config, "session", "open", to_cid(DIGEST), "--price", "0", "--calls", "1")
    assert free.stderr == "error: no worker takes the session: price-too-low\n"
    path, _ = digit_images()[0]
    assert "no session yet" in run(config, "session", "close", "last").stderr
    unknown = run(config, "session", "call", "0xff", path)
    assert "0 sessions of this requester begin so" in unknown.stderr
    for _ in range(2):
        run(config, *OPEN)
    assert "2 sessions" in run(config, "session", "close", "0xa").stderr
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[1, 2]")
    refused = run(config, "session", "call", "a1", wrong)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    assert "wrong.json" in refused.stderr
    run(config, "session", "close", "a1")
    assert "open another" in run(config, "session", "call", "a1", path).stderr


def test_without_a_node_it_says_what_to_start(config: Path) -> None:
    result = run(config, "session", "list")
    assert (result.exit_code, "start it with `p2pnode run`" in result.stderr) == (3, True)
