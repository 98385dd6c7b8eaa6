"""The node's end of the control socket: a Unix socket of mode 0600 in the data folder.

Whoever can open it is the operator; requests are bounded and checked all the same.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from p2pnode.background import open_background
from p2pnode.control.handlers import ControlHandlers
from p2pnode.control.lines import VERSION, Lines, answers, check_path
from p2pnode.control.messages import (
    Emit,
    Json,
    digest,
    hexed,
    octets,
    publish_from_json,
    report_to_json,
    submit_from_json,
    table,
    text,
)
from p2pnode.control.sessions import METHODS as SESSION_METHODS
from p2pnode.errors import ConfigError, P2PNodeError, ProtocolError

REQUEST_SECONDS: Final = 30

log = structlog.get_logger()


@asynccontextmanager
async def open_control_server(path: Path, handlers: ControlHandlers) -> AsyncIterator[None]:
    """Answer on the socket at `path` until the context ends; the socket file goes with it.

    Raises ConfigError when another node answers there already.
    """
    check_path(path)
    if await answers(path):
        raise ConfigError(f"{path}: a node is running here already; stop it, or choose another data_dir")
    await _remove(path)
    sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    with sock:
        try:
            await sock.bind(os.fspath(path))
            # Nobody can connect before listen, so the mode is in force first.
            await trio.Path(path).chmod(0o600)
            sock.listen(16)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; choose a data_dir you can write") from error
        try:
            async with open_background(partial(_accept, sock, handlers)):
                yield
        finally:
            with trio.CancelScope(shield=True):
                await _remove(path)


async def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        await trio.Path(path).unlink()


async def _accept(sock: Any, handlers: ControlHandlers) -> None:
    async with trio.open_nursery() as nursery:
        while True:
            connection, _ = await sock.accept()
            nursery.start_soon(_serve, trio.SocketStream(connection), handlers)


async def _serve(stream: trio.SocketStream, handlers: ControlHandlers) -> None:
    lines = Lines(stream)
    async with stream:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            try:
                with trio.fail_after(REQUEST_SECONDS):
                    request = await lines.receive()
                if request is None:
                    return
                await _handle(lines, request, handlers)
            except trio.TooSlowError:
                await lines.send(_error(ProtocolError(f"no request within {REQUEST_SECONDS} s")))
            except ProtocolError as error:
                await lines.send(_error(error))


async def _handle(lines: Lines, request: Mapping[str, Json], handlers: ControlHandlers) -> None:
    async def emit(name: str, fields: Mapping[str, Json]) -> None:
        await lines.send({"v": VERSION, "event": name, "fields": fields})

    answer: Json = None
    async with trio.open_nursery() as nursery:

        async def leave_with_client() -> None:
            await lines.wait_closed()
            nursery.cancel_scope.cancel()

        nursery.start_soon(leave_with_client)
        answer = await _answer(handlers, request, emit)
        nursery.cancel_scope.cancel()
    if answer is not None:
        await lines.send(answer)


async def _answer(handlers: ControlHandlers, request: Mapping[str, Json], emit: Emit) -> Json:
    method, params = str(request.get("method")), request.get("params", {})
    try:
        if method in SESSION_METHODS:
            return {"v": VERSION, "result": await SESSION_METHODS[method](handlers.sessions, params, emit)}
        if method in _METHODS:
            return {"v": VERSION, "result": await _METHODS[method](handlers, params, emit)}
        known = ", ".join([*_METHODS, *SESSION_METHODS])
        raise ProtocolError(f"method {method!r:.40} is unknown; use {known}")
    except P2PNodeError as error:
        return _error(error)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return None
    except Exception as error:
        # The trust boundary of the socket: a handler's fault must not end the node.
        log.exception("control.failed", method=request.get("method"))
        return _error(P2PNodeError(f"internal error ({type(error).__name__}); the node's log has more"))


def _error(error: P2PNodeError) -> Json:
    return {"v": VERSION, "error": {"kind": type(error).__name__, "message": str(error)}}


async def _submit(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return [report_to_json(report) for report in await handlers.submit(submit_from_json(params), emit)]


async def _model(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return str(await handlers.model(digest(table(params, ("model",))["model"], "model")))


async def _publish(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return hexed(await handlers.publish(publish_from_json(params)))


async def _status(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.status()


async def _overview(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.overview()


async def _receipts(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return [hexed(task_id) for task_id in await handlers.receipts()]


async def _receipt(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.receipt(digest(table(params, ("task_id",))["task_id"], "task_id"))


async def _explain(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.explain(text(table(params, ("offer",))["offer"], "offer"))


async def _resume(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.resume()


async def _relayers(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    return list(await handlers.relayers())


async def _relay(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    fields = table(params, ("peer", "transaction"))
    peer, transaction = text(fields["peer"], "peer"), octets(fields["transaction"], "transaction")
    return hexed(await handlers.relay(peer, transaction))


async def _shutdown(handlers: ControlHandlers, params: Json, emit: Emit) -> Json:
    await handlers.shutdown()


_METHODS: Mapping[str, Callable[[ControlHandlers, Json, Emit], Awaitable[Json]]] = {
    "submit": _submit,
    "model": _model,
    "publish": _publish,
    "status": _status,
    "overview": _overview,
    "receipts": _receipts,
    "receipt": _receipt,
    "explain": _explain,
    "resume": _resume,
    "relayers": _relayers,
    "relay": _relay,
    "shutdown": _shutdown,
}
