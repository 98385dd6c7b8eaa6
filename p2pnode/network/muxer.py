"""Yamux that gives a stream's credit back in large pieces, and holds a peer to it.

Row 38: the library sends a window update for every read, and reads the length of each gossip message byte by
byte. Most of all frames were such updates, each of them encrypted, sent, received and decrypted.

Row 42: the library keeps what a peer sends beyond its window, without end, and doubles the window of a stream
up to 16 MiB however slowly it is read.
"""

import struct
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
import trio
from libp2p.stream_muxer.yamux import yamux
from libp2p.stream_muxer.yamux.yamux import (
    DEFAULT_WINDOW_SIZE,
    HEADER_SIZE,
    TYPE_WINDOW_UPDATE,
    Yamux,
    YamuxStream,
)

CREDIT: Final = DEFAULT_WINDOW_SIZE // 4
"""Bytes of credit kept back at most, so that a sender always has three quarters of its first window."""
MOST_UNREAD: Final = 8 << 20
"""Bytes of one connection that wait to be read: 32 windows. Nothing here leaves that many streams unread."""

log = structlog.get_logger("p2pnode.network")

# The library has no option for it. Every stream keeps its first window, 256 KiB.
yamux.MAX_WINDOW_SIZE = DEFAULT_WINDOW_SIZE

_PLAIN_UPDATE: Final = struct.pack("!BBH", 0, TYPE_WINDOW_UPDATE, 0)
_UPDATE: Final = struct.Struct("!4sII")


class Overrun(trio.TooSlowError):
    """A peer sends more than its windows let it. Of this kind, since the library ends a connection on it."""


class FrugalYamux(Yamux):
    """The library's yamux, but window updates without a flag are added up until they are worth a frame.

    A peer that goes on sending when its windows are full loses the connection.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._credit: WeakKeyDictionary[YamuxStream, int] = WeakKeyDictionary()

    async def _write_frame(self, data: bytes) -> None:
        if len(data) == HEADER_SIZE and data.startswith(_PLAIN_UPDATE):
            _, number, increment = _UPDATE.unpack(data)
            stream = self.streams.get(number)
            if stream is None:
                return
            credit = self._credit.pop(stream, 0) + increment
            if credit < CREDIT:
                self._credit[stream] = credit
                return
            data = _UPDATE.pack(_PLAIN_UPDATE, number, credit)
        async with self._write_lock:
            await self.secured_conn.write(data)
        await trio.lowlevel.checkpoint()

    async def _read_data_body(self, length: int) -> bytes:
        unread = sum(map(len, self.stream_buffers.values()))
        if unread + length > MOST_UNREAD:
            log.info("peer.overrun", peer=self.peer_id.to_base58(), unread=unread)
            raise Overrun
        return await super()._read_data_body(length)
