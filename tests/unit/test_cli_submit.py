"""`p2pnode submit` and `receipts` over a real control socket, with ONNX Runtime behind it."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner, Result

from p2pnode import identity
from p2pnode.cli.main import main
from p2pnode.config import load_config
from p2pnode.control import (
    ControlHandlers,
    Emit,
    PublishRequest,
    SubmitRequest,
    TaskReport,
    open_control_server,
)
from p2pnode.errors import MarketError
from p2pnode.inference import open_executor
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.cid import content_digest, to_cid

ENV = {"P2PNODE_PASSWORD": "correct horse"}
DIGEST = content_digest(DIGITS.read_bytes())
OFFER = "ab12" * 16


class Node:
    """Runs what is submitted on ONNX Runtime; keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[SubmitRequest] = []
        self.end = "settled"

    async def submit(self, request: SubmitRequest, emit: Emit) -> Sequence[TaskReport]:
        self.requests.append(request)
        if request.price_max == 0:
            raise MarketError("price_max is 0; nobody bids")
        reports = []
        async with open_executor() as executor:
            for index, (label, tensors) in enumerate(zip(request.labels, request.inputs, strict=True)):
                output = await executor.run(DIGITS, tensors)
                await emit("answer.received", {"task": index, "offer": OFFER, "note": "a\x1b[2J"})
                reports.append(
                    TaskReport(label, self.end, bytes([index] * 32), b"\x07" * 20, 10**16, 0, output)
                )
        return reports

    async def model(self, model_digest: bytes) -> Path:
        if model_digest != DIGEST:
            raise MarketError(f"model {to_cid(model_digest)} is not registered")
        return DIGITS

    async def publish(self, request: PublishRequest) -> bytes:
        return DIGEST

    async def status(self) -> Mapping[str, Any]:
        return {}

    async def receipts(self) -> Sequence[bytes]:
        return [b"\xab" * 32, b"\xac" * 32]

    async def receipt(self, task_id: bytes) -> str | None:
        return json.dumps({"receipt": task_id.hex()})

    async def explain(self, offer: str) -> Mapping[str, Any]:
        return {
            "offer": "0x" + offer,
            "model": "bafk",
            "state": "unbid",
            "price_min": "0",
            "price_max": str(10**16),
            "advice": "change price_max from 0.01 JOY to 0.02 JOY; then a worker bids",
            "workers": [
                {
                    "account": "0x" + "ab" * 20,
                    "load": 3,
                    "capacity": 8,
                    "code": code,
                    "reason": "too low\x1b[31m",
                    "price": str(2 * 10**16),
                }
                for code in ("price-too-low", "would-bid")
            ],
        }

    async def resume(self) -> str:
        return "3 failures in a row"

    async def relayers(self) -> Sequence[Mapping[str, Any]]:
        return []

    async def relay(self, peer: str, transaction: bytes) -> bytes:
        raise MarketError("not here")

    async def shutdown(self) -> None:
        raise MarketError("not here")

    @property
    def handlers(self) -> ControlHandlers:
        return ControlHandlers(
            self.submit,
            self.model,
            self.publish,
            self.status,
            self.status,
            self.receipts,
            self.receipt,
            self.explain,
            self.resume,
            self.relayers,
            self.relay,
            self.shutdown,
        )


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(identity.create_identity.__kwdefaults__, "scrypt_n", 1 << 4)
    made = CliRunner().invoke(main, ["init", str(tmp_path / "n")], env=ENV)
    assert made.exit_code == 0, made.output
    return tmp_path / "n" / "p2pnode.toml"


@pytest.fixture
def node(config: Path) -> Iterator[Node]:
    """A node in another thread, as the command line's trio.run needs its own."""
    made = Node()
    started = threading.Event()
    stop: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

    async def serve() -> None:
        with trio.CancelScope() as scope:
            async with open_control_server(load_config(config, {}).control_socket, made.handlers):
                stop.append((trio.lowlevel.current_trio_token(), scope))
                started.set()
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    assert started.wait(10)
    yield made
    token, scope = stop[0]
    token.run_sync_soon(scope.cancel)
    thread.join(10)
    assert not thread.is_alive()


def run(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--config", str(config)])


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
