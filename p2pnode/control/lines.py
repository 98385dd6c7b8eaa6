"""The control socket's lines: one JSON object each, bounded.

    -> {"v": 1, "method": "submit", "params": {...}}
    <- {"v": 1, "event": "bid.received", "fields": {...}}      any number of these
    <- {"v": 1, "result": ...}   or   {"v": 1, "error": {"kind": "MarketError", "message": "..."}}

A connection carries one request.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from p2pnode.control.messages import Json
from p2pnode.errors import ConfigError, ProtocolError

VERSION: Final = 1
MAX_LINE: Final = 64 << 20
MAX_PATH: Final = 107
"""sun_path of Linux holds 108 bytes with its final zero (unix(7))."""


class Lines:
    """JSON objects over a stream, one a line, at most MAX_LINE bytes each."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._sending = trio.Lock()

    async def send(self, value: Json) -> None:
        data = json.dumps(value, separators=(",", ":")).encode() + b"\n"
        if len(data) > MAX_LINE:
            raise ProtocolError(
                f"message has {len(data)} bytes, the control socket takes {MAX_LINE}; send less"
            )
        async with self._sending:
            await self._stream.send_all(data)

    async def receive(self) -> Mapping[str, Json] | None:
        """The next object, None at the end of the stream. Raises ProtocolError."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE:
                raise ProtocolError(f"line is longer than {MAX_LINE} bytes; send less at a time")
            chunk = await self._stream.receive_some(1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"line is not JSON: {error}") from error
        if not isinstance(value, dict) or value.get("v") != VERSION:
            raise ProtocolError(
                f'line is not an object with "v": {VERSION}; use the same p2pnode for both ends'
            )
        return value

    async def wait_closed(self) -> None:
        """Return when the other side has gone."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while await self._stream.receive_some(1 << 16):
                pass


def check_path(path: Path) -> None:
    if len(os.fsencode(path)) > MAX_PATH:
        raise ConfigError(
            f"control socket {path} is longer than {MAX_PATH} bytes, the limit of a Unix socket; "
            "choose a shorter data_dir"
        )


async def answers(path: Path) -> bool:
    try:
        stream = await trio.open_unix_socket(os.fspath(path))
    except OSError:
        return False
    await stream.aclose()
    return True
