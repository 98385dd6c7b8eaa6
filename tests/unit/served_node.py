"""A node behind a real control socket, with ONNX Runtime behind it, for tests of the command line."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio
from click.testing import CliRunner, Result

from p2pnode.cli.main import main
from p2pnode.config import load_config
from p2pnode.control import (
    AnsweredCall,
    Calls,
    ControlHandlers,
    Emit,
    OpenSession,
    PublishRequest,
    SessionHandlers,
    SubmitRequest,
    TaskReport,
    open_control_server,
)
from p2pnode.control.sessions import CALL_ANSWERED, answered_to_json
from p2pnode.errors import MarketError
from p2pnode.inference import open_executor
from p2pnode.models import DIGITS
from p2pnode.protocol.cid import content_digest, to_cid

ENV = {"P2PNODE_PASSWORD": "correct horse"}
DIGEST = content_digest(DIGITS.read_bytes())
OFFER = "ab12" * 16


class Sessions:
    """Sessions of the digits model with a worker that answers by ONNX Runtime."""

    def __init__(self) -> None:
        self.opened: list[OpenSession] = []
        self.asked: list[int] = []
        self.reports: dict[bytes, dict[str, Any]] = {}

    async def start(self, order: OpenSession) -> Mapping[str, Any]:
        if order.price == 0:
            raise MarketError("no worker takes the session: price-too-low")
        self.opened.append(order)
        session_hash = bytes([0xA0 + len(self.opened)]) * 32
        self.reports[session_hash] = {
            "session": f"0x{session_hash.hex()}",
            "role": "requester",
            "state": "open",
            "model": to_cid(order.model_digest),
            "requester": "0x" + "07" * 20,
            "worker": "0x" + "08" * 20,
            "price": str(order.price),
            "model_fee": str(10**15),
            "opening_fee": str(10**16),
            "most_calls": order.most_calls,
            "settle_deadline": 2_000_000_000,
            "calls": 0,
            "paid_calls": 0,
            "owed": "0",
            "reason": "",
        }
        return self.reports[session_hash]

    async def calls(self, calls: Calls, emit: Emit) -> Mapping[str, Any]:
        report = self.reports[calls.session]
        if report["state"] != "open":
            raise MarketError("the session is ended; open another")
        self.asked.append(len(calls.inputs))
        async with open_executor() as executor:
            for index, tensors in enumerate(calls.inputs):
                output = await executor.run(DIGITS, tensors)
                report["calls"] += 1
                await emit(CALL_ANSWERED, answered_to_json(AnsweredCall(index, report["calls"], output)))
        return report

    async def close(self, session_hash: bytes) -> Mapping[str, Any]:
        report = self.reports[session_hash]
        if report["state"] == "open":
            report["state"] = "ended"
        return report

    async def settle(self, session_hash: bytes) -> Mapping[str, Any]:
        report = self.reports[session_hash]
        if report["state"] != "ended":
            raise MarketError("the session is open; only an ended one can be paid for")
        report["state"], report["paid_calls"] = "settled", report["calls"]
        return report

    async def all(self) -> Sequence[Mapping[str, Any]]:
        return list(self.reports.values())

    @property
    def handlers(self) -> SessionHandlers:
        return SessionHandlers(self.start, self.calls, self.close, self.settle, self.all)


class Node:
    """Runs what is submitted on ONNX Runtime; keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[SubmitRequest] = []
        self.end = "settled"
        self.sessions = Sessions()

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
            self.sessions.handlers,
            self.shutdown,
        )


def made_config(folder: Path) -> Path:
    """A node's configuration file in `folder`."""
    made = CliRunner().invoke(main, ["init", str(folder)], env=ENV)
    assert made.exit_code == 0, made.output
    return folder / "p2pnode.toml"


@contextmanager
def served(config: Path) -> Iterator[Node]:
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
    """A command with that configuration."""
    return CliRunner().invoke(main, [*map(str, arguments), "--config", str(config)])
