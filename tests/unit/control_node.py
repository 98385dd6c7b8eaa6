"""A node's handlers for the control socket that remember what they were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trio

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
    Wait,
)
from p2pnode.control.sessions import CALL_ANSWERED, answered_to_json
from p2pnode.errors import MarketError

DIGEST = bytes(range(32))
REQUEST = SubmitRequest(DIGEST, (b"\x00\x01", b""), ("a.png", "b.png"), 1, 2**90, Wait.SETTLED)
REPORT = TaskReport("a.png", "settled", DIGEST, b"\x07" * 20, 5, 1, b"out", b"\x09" * 32, "")


@dataclass
class Node:
    """Handlers that remember what they were asked."""

    asked: list[Any] = field(default_factory=list)
    cancelled: trio.Event = field(default_factory=trio.Event)
    entered: trio.Event = field(default_factory=trio.Event)

    async def submit(self, request: SubmitRequest, emit: Emit) -> Sequence[TaskReport]:
        self.asked.append(request)
        await emit("offer.published", {"task": 0})
        await emit("bid.received", {"task": 0, "price": "5"})
        return [REPORT, replace(REPORT, label="b.png", state="unbid", task_id=b"", reason="nobody bid")]

    async def model(self, model_digest: bytes) -> Path:
        self.asked.append(model_digest)
        return Path("/models/x.onnx")

    async def publish(self, request: PublishRequest) -> bytes:
        self.asked.append(request)
        return DIGEST

    async def status(self) -> Mapping[str, Any]:
        return {"peer_id": "12D3", "peers": 3}

    async def receipts(self) -> Sequence[bytes]:
        return [DIGEST]

    async def receipt(self, task_id: bytes) -> str | None:
        return '{"version": 1}' if task_id == DIGEST else None

    async def explain(self, offer: str) -> Mapping[str, Any]:
        self.asked.append(offer)
        return {"advice": "offer it again"}

    async def resume(self) -> str:
        return "3 failures in a row"

    async def relayers(self) -> Sequence[Mapping[str, Any]]:
        return [{"peer": "12D3", "account": "0x12", "fee": "5"}]

    async def relay(self, peer: str, transaction: bytes) -> bytes:
        self.asked.append((peer, transaction))
        return DIGEST

    async def start_session(self, order: OpenSession) -> Mapping[str, Any]:
        self.asked.append(order)
        return {"session": "0x12"}

    async def calls(self, calls: Calls, emit: Emit) -> Mapping[str, Any]:
        self.asked.append(calls)
        for index, tensors in enumerate(calls.inputs):
            await emit(CALL_ANSWERED, answered_to_json(AnsweredCall(index, index + 5, tensors)))
        return {"calls": 6}

    async def named(self, session: bytes) -> Mapping[str, Any]:
        self.asked.append(session)
        return {"state": "ended"}

    async def sessions(self) -> Sequence[Mapping[str, Any]]:
        return [{"session": "0x12"}]

    async def shutdown(self) -> None:
        self.asked.append("shutdown")

    async def hang(self) -> Mapping[str, Any]:
        self.entered.set()
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled.set()

    async def refuse(self) -> Mapping[str, Any]:
        raise MarketError("no bid in 2 s; raise price_max")

    async def fail(self) -> Mapping[str, Any]:
        raise ZeroDivisionError("secret detail")

    def handlers(self, **changes: Any) -> ControlHandlers:
        made = ControlHandlers(
            submit=self.submit,
            model=self.model,
            publish=self.publish,
            status=self.status,
            overview=self.status,
            receipts=self.receipts,
            receipt=self.receipt,
            explain=self.explain,
            resume=self.resume,
            relayers=self.relayers,
            relay=self.relay,
            sessions=SessionHandlers(self.start_session, self.calls, self.named, self.named, self.sessions),
            shutdown=self.shutdown,
        )
        return replace(made, **changes)
