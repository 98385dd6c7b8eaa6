"""The command line's end of the control socket."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import trio

from p2pnode import errors
from p2pnode.control.lines import VERSION, Lines, answers, check_path
from p2pnode.control.messages import (
    Calls,
    Json,
    OpenSession,
    PublishRequest,
    SubmitRequest,
    TaskReport,
    digest,
    hexed,
    publish_to_json,
    report_from_json,
    submit_to_json,
)
from p2pnode.control.sessions import (
    AnsweredCall,
    answered_from_json,
    calls_to_json,
    start_to_json,
)
from p2pnode.errors import NetworkError, P2PNodeError, RemoteError

OnEvent = Callable[[str, Mapping[str, Json]], None]


class ControlClient:
    """Calls to the node whose socket is at `path`. Raises what the node raised, or NetworkError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def is_running(self) -> bool:
        """Whether a node answers on the socket."""
        return await answers(self._path)

    async def submit(self, request: SubmitRequest, on_event: OnEvent) -> Sequence[TaskReport]:
        """Run tasks; `on_event` is called with each market event on the way."""
        answer = await self._call("submit", submit_to_json(request), on_event)
        return [report_from_json(item) for item in answer]

    async def model(self, model_digest: bytes) -> Path:
        """Where the node keeps a model, which it fetches when need be."""
        return Path(await self._call("model", {"model": hexed(model_digest)}))

    async def publish(self, request: PublishRequest) -> bytes:
        """Have the node serve and announce a model; its digest."""
        return digest(await self._call("publish", publish_to_json(request)), "result")

    async def status(self) -> Mapping[str, Json]:
        answer = await self._call("status", {})
        return dict(answer)

    async def overview(self) -> Mapping[str, Json]:
        """The node at a glance: see `p2pnode.overview`."""
        answer = await self._call("overview", {})
        return dict(answer)

    async def receipts(self) -> Sequence[bytes]:
        """Task IDs that have a receipt, newest first."""
        return [digest(item, "task_id") for item in await self._call("receipts", {})]

    async def receipt(self, task_id: bytes) -> str | None:
        """The receipt's JSON text."""
        answer = await self._call("receipt", {"task_id": hexed(task_id)})
        return None if answer is None else str(answer)

    async def explain(self, offer: str) -> Mapping[str, Json]:
        """Why an offer got no bid; `offer` is the beginning of its hash in hex."""
        return dict(await self._call("explain", {"offer": offer}))

    async def resume(self) -> str:
        """Let a paused worker bid again; why it had paused, empty if it had not."""
        return str(await self._call("resume", {}))

    async def relayers(self) -> Sequence[Mapping[str, Json]]:
        """Offers to relay private transactions, cheapest first."""
        return list(await self._call("relayers", {}))

    async def relay(self, peer: str, transaction: bytes) -> bytes:
        """Have a relayer submit a transaction; its hash."""
        answer = await self._call("relay", {"peer": peer, "transaction": hexed(transaction)})
        return digest(answer, "result")

    async def open_session(self, order: OpenSession) -> Mapping[str, Json]:
        """Open a session; what there is to know of it."""
        return dict(await self._call("session.open", start_to_json(order)))

    async def call_session(
        self, calls: Calls, on_answer: Callable[[AnsweredCall], None]
    ) -> Mapping[str, Json]:
        """Make calls of a session; `on_answer` is called with each answer as it comes."""
        answer = await self._call(
            "session.call",
            calls_to_json(calls),
            lambda _name, fields: on_answer(answered_from_json(fields)),
        )
        return dict(answer)

    async def close_session(self, session_hash: bytes) -> Mapping[str, Json]:
        """Acknowledge the last answer of a session and end it."""
        return dict(await self._call("session.close", {"session": hexed(session_hash)}))

    async def settle_session(self, session_hash: bytes) -> Mapping[str, Json]:
        """Pay for an ended session at the node's own gas."""
        return dict(await self._call("session.settle", {"session": hexed(session_hash)}))

    async def sessions(self) -> Sequence[Mapping[str, Json]]:
        """All sessions of the node, oldest first."""
        return list(await self._call("session.list", {}))

    async def shutdown(self) -> None:
        """Ask the node to end."""
        await self._call("shutdown", {})

    async def _call(self, method: str, params: Json, on_event: OnEvent | None = None) -> Json:
        check_path(self._path)
        try:
            stream = await trio.open_unix_socket(os.fspath(self._path))
        except OSError as error:
            raise NetworkError(f"{self._path}: no node answers; start it with `p2pnode run`") from error
        async with stream:
            lines = Lines(stream)
            try:
                await lines.send({"v": VERSION, "method": method, "params": params})
                while True:
                    answer = await lines.receive()
                    if answer is None:
                        raise NetworkError("the node ended before it answered; see its log")
                    if "event" in answer and on_event is not None:
                        on_event(str(answer["event"]), dict(answer.get("fields", {})))
                    elif "error" in answer:
                        raise _raised(answer["error"])
                    elif "result" in answer:
                        return answer["result"]
            except trio.BrokenResourceError as error:
                raise NetworkError("the node closed the control socket; see its log") from error


def _raised(problem: Json) -> P2PNodeError:
    kind = getattr(errors, str(problem.get("kind")), RemoteError)
    if not (isinstance(kind, type) and issubclass(kind, P2PNodeError)):
        kind = RemoteError
    return kind(str(problem.get("message")))
