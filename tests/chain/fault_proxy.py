"""A real HTTP proxy in front of a JSON-RPC node, which breaks what it is told to break."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests
import trio

from p2pnode.background import open_background

_run_in_thread: Callable[..., Awaitable[Any]] = trio.to_thread.run_sync


class Refused(Exception):
    """The connection ends without an answer; the node never heard the call."""


class Lost(Exception):
    """The node hears the call, and its answer is lost."""


class Silent(Exception):
    """The call is taken and nothing ever comes back."""


@dataclass(frozen=True)
class Status(Exception):
    """An HTTP status of a gateway instead of an answer."""

    line: str
    headers: str = ""


@dataclass(frozen=True)
class Told(Exception):
    """The node's answer is replaced: `change` makes the told result of the true one."""

    change: Callable[[Any], Any]


@dataclass(frozen=True)
class Error(Exception):
    """The node hears the call and answers with this error message whatever it did."""

    message: str


Fault = Callable[[str], None]
"""Called with each call's method; raises one of the above, or returns to let it pass."""


@dataclass
class Proxy:
    """Forwards JSON-RPC to `target`; `fault` may be changed at any time."""

    target: str
    url: str = ""
    fault: Fault = lambda method: None
    asked: list[str] = field(default_factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            try:
                request = await _read(stream)
                answer = await self._answer(request)
            except (Refused, Lost, trio.BrokenResourceError):
                return
            except Silent:
                await trio.sleep_forever()
            except Status as status:
                await _write(stream, status.line, b"{}", status.headers)
            else:
                await _write(stream, "200 OK", json.dumps(answer).encode())

    async def _answer(self, request: Any) -> Any:
        method = request["method"]
        self.asked.append(method)
        try:
            self.fault(method)
        except Lost:
            await self._forward(request)
            raise
        except Told as told:
            answer = await self._forward(request)
            return {**answer, "result": told.change(answer.get("result"))}
        except Error as error:
            await self._forward(request)
            problem = {"code": -32000, "message": error.message}
            return {"jsonrpc": "2.0", "id": request["id"], "error": problem}
        return await self._forward(request)

    async def _forward(self, request: Any) -> Any:
        def post() -> Any:
            with requests.post(self.target, json=request, timeout=30) as response:
                return response.json()

        return await _run_in_thread(post)


@asynccontextmanager
async def open_proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy on a free port."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy = Proxy(target, f"http://127.0.0.1:{listener.socket.getsockname()[1]}")
    async with open_background(partial(trio.serve_listeners, proxy.serve, [listener])):
        yield proxy


async def _read(stream: trio.SocketStream) -> Any:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await _some(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
    while len(body) < length:
        body += await _some(stream)
    return json.loads(body)


async def _some(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some(65536)
    if not data:
        raise Refused
    return data


async def _write(stream: trio.SocketStream, status: str, body: bytes, headers: str = "") -> None:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    await stream.send_all(head.encode() + body)
