"""The control socket between a node's handlers and a client."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from p2pnode.control import (
    AnsweredCall,
    Calls,
    ControlClient,
    OpenSession,
    PublishRequest,
    open_control_server,
)
from p2pnode.control.lines import MAX_LINE
from p2pnode.errors import ConfigError, MarketError, NetworkError, P2PNodeError, ProtocolError
from tests.unit.control_node import DIGEST, REPORT, REQUEST, Node


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def raw(path: Path, data: bytes) -> dict[str, Any]:
    """The one answer to bytes as they are."""
    async with await trio.open_unix_socket(os.fspath(path)) as stream:
        await stream.send_all(data)
        with trio.fail_after(5):
            answer = await stream.receive_some(1 << 16)
    return dict(json.loads(answer))


async def test_a_submission_comes_back_with_its_events(path: Path) -> None:
    node, events = Node(), []
    async with open_control_server(path, node.handlers()):
        reports = await ControlClient(path).submit(
            REQUEST, lambda name, fields: events.append((name, fields))
        )
    assert node.asked == [REQUEST]
    assert reports[0] == REPORT
    assert (reports[1].state, reports[1].task_id, reports[1].reason) == ("unbid", b"", "nobody bid")
    assert events == [("offer.published", {"task": 0}), ("bid.received", {"task": 0, "price": "5"})]


async def test_each_method_reaches_its_handler(path: Path) -> None:
    node = Node()
    async with open_control_server(path, node.handlers()):
        client = ControlClient(path)
        assert await client.is_running()
        assert await client.model(DIGEST) == Path("/models/x.onnx")
        assert await client.publish(PublishRequest(Path("/m.onnx"), 7, "digits")) == DIGEST
        assert await client.status() == {"peer_id": "12D3", "peers": 3}
        assert await client.receipts() == [DIGEST]
        assert await client.receipt(DIGEST) == '{"version": 1}'
        assert await client.receipt(bytes(32)) is None
        assert await client.explain("ab12") == {"advice": "offer it again"}
        assert await client.resume() == "3 failures in a row"
        assert await client.relayers() == [{"peer": "12D3", "account": "0x12", "fee": "5"}]
        assert await client.relay("12D3", b"signed") == DIGEST
        await client.shutdown()
    assert node.asked == [
        DIGEST,
        PublishRequest(Path("/m.onnx"), 7, "digits"),
        "ab12",
        ("12D3", b"signed"),
        "shutdown",
    ]
    assert not await ControlClient(path).is_running()


async def test_sessions_reach_their_handlers(path: Path) -> None:
    node = Node()
    answers: list[AnsweredCall] = []
    order = OpenSession(DIGEST, 2**90, 1000, 5, 3600)
    async with open_control_server(path, node.handlers()):
        client = ControlClient(path)
        assert await client.open_session(order) == {"session": "0x12"}
        assert await client.call_session(Calls(DIGEST, (b"a", b"")), answers.append) == {"calls": 6}
        assert await client.close_session(DIGEST) == {"state": "ended"}
        assert await client.settle_session(bytes(32)) == {"state": "ended"}
        assert await client.sessions() == [{"session": "0x12"}]
    assert node.asked == [order, Calls(DIGEST, (b"a", b"")), DIGEST, bytes(32)]
    assert answers == [AnsweredCall(0, 5, b"a"), AnsweredCall(1, 6, b"")]


async def test_the_socket_is_for_its_owner_and_goes_with_the_node(path: Path) -> None:
    async with open_control_server(path, Node().handlers()):
        assert stat.S_IMODE((await trio.Path(path).stat()).st_mode) == 0o600
    assert not await trio.Path(path).exists()


async def test_a_refusal_keeps_its_kind_and_words(path: Path) -> None:
    node = Node()
    async with open_control_server(path, node.handlers(status=node.refuse)):
        with pytest.raises(MarketError, match="raise price_max"):
            await ControlClient(path).status()


async def test_a_fault_of_a_handler_ends_the_request_only(path: Path) -> None:
    node = Node()
    async with open_control_server(path, node.handlers(status=node.fail)):
        with pytest.raises(P2PNodeError, match="internal error") as caught:
            await ControlClient(path).status()
        assert "secret detail" not in str(caught.value)
        assert await ControlClient(path).receipts() == [DIGEST]


async def test_a_client_that_leaves_cancels_its_request(path: Path) -> None:
    node = Node()
    async with open_control_server(path, node.handlers(status=node.hang)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ControlClient(path).status)
            with trio.fail_after(5):
                await node.entered.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(5):
            await node.cancelled.wait()
        assert await ControlClient(path).receipts() == [DIGEST]


async def test_a_node_that_ends_is_noticed_by_its_client(path: Path) -> None:
    node, seen = Node(), []

    async def ask() -> None:
        with pytest.raises(NetworkError, match="see its log"):
            await ControlClient(path).status()
        seen.append(True)

    async with trio.open_nursery() as nursery, open_control_server(path, node.handlers(status=node.hang)):
        nursery.start_soon(ask)
        with trio.fail_after(5):
            await node.entered.wait()
    assert seen == [True]


async def test_a_second_node_is_refused_and_a_stale_socket_replaced(path: Path) -> None:
    async with open_control_server(path, Node().handlers()):
        with pytest.raises(ConfigError, match="running here already"):
            async with open_control_server(path, Node().handlers()):
                pass
        assert await ControlClient(path).is_running()
    await trio.Path(path).write_text("left over")
    async with open_control_server(path, Node().handlers()):
        assert await ControlClient(path).is_running()


async def test_what_the_body_raises_comes_out_as_it_is(path: Path) -> None:
    with pytest.raises(MarketError, match="mine"):
        async with open_control_server(path, Node().handlers()):
            raise MarketError("mine")


async def test_no_node_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(NetworkError, match="p2pnode run"):
        await ControlClient(path).status()


async def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with pytest.raises(ConfigError, match="shorter data_dir"):
        async with open_control_server(path, Node().handlers()):
            pass


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (b"hello\n", "not JSON"),
        (b"[]\n", "not an object"),
        (b'{"v": 2, "method": "status"}\n', "same p2pnode"),
        (b'{"v": 1, "method": "format"}\n', "unknown"),
        (b'{"v": 1, "method": "model", "params": {}}\n', "object with model"),
        (b'{"v": 1, "method": "model", "params": {"model": "0x12"}}\n', "give 32"),
        (b'{"v": 1, "method": "receipt", "params": {"task_id": 5}}\n', "give a text"),
        (b'{"v": 1, "method": "session.call", "params": {"session": "0x12", "inputs": []}}\n', "1 to 1024"),
        (b'{"v": 1, "method": "session.close", "params": {"session": "0x12"}}\n', "give 32"),
        (b'{"v": 1, "method": "publish", "params": {"path": "m", "price": "1", "name": ""}}\n', "absolute"),
    ],
)
async def test_a_bad_request_is_answered_with_what_is_wrong(path: Path, line: bytes, remedy: str) -> None:
    async with open_control_server(path, Node().handlers()):
        answer = await raw(path, line)
        assert answer["error"]["kind"] == "ProtocolError"
        assert remedy in answer["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"inputs": [], "labels": []}, "give 1 to"),
        ({"labels": ["a"]}, "labels"),
        ({"inputs": ["!", "AA=="]}, "base64"),
        ({"price_min": "9", "price_max": "8"}, "at most price_max"),
        ({"price_max": "-1"}, "decimal"),
        ({"price_max": 5}, "text"),
        ({"wait": "forever"}, "answered or settled"),
        ({"model": "0x00"}, "give 32"),
        ({"more": 1}, "object with"),
    ],
)
async def test_a_bad_submission_names_its_field(path: Path, changes: dict[str, Any], remedy: str) -> None:
    params = {
        "model": "0x" + DIGEST.hex(),
        "inputs": ["AA==", "AA=="],
        "labels": ["a", "b"],
        "price_min": "0",
        "price_max": "9",
        "wait": "answered",
    }
    line = json.dumps({"v": 1, "method": "submit", "params": {**params, **changes}}).encode() + b"\n"
    node = Node()
    async with open_control_server(path, node.handlers()):
        answer = await raw(path, line)
    assert answer["error"]["kind"] == "ProtocolError"
    assert remedy in answer["error"]["message"]
    assert not node.asked


async def test_a_request_too_large_is_not_sent(path: Path) -> None:
    async with open_control_server(path, Node().handlers()):
        huge = replace(REQUEST, inputs=(bytes(MAX_LINE), b""))
        with pytest.raises(ProtocolError, match="send less"):
            await ControlClient(path).submit(huge, lambda name, fields: None)
