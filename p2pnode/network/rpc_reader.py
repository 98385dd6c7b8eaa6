"""Reads gossip RPCs from a stream in as few reads as they came in."""

from typing import Final

from libp2p.abc import INetStream
from libp2p.io.exceptions import IncompleteReadError, MessageTooLarge
from libp2p.pubsub.pb import rpc_pb2

READ_BYTES: Final = 1 << 16
_LENGTH_BYTES: Final = 4
"""Bytes of the longest length: 28 bits."""


class RpcReader:
    """The RPCs of one stream: unsigned varint length, protobuf (libp2p pubsub specification)."""

    def __init__(self, stream: INetStream, max_size: int) -> None:
        self._stream = stream
        self._max_size = max_size
        self._buffer = bytearray()

    async def next(self) -> rpc_pb2.RPC:
        """The next RPC.

        MessageTooLarge when it would be over the limit, DecodeError when it is no protobuf,
        IncompleteReadError when the stream ends in the middle of it.
        """
        while (header := self._length()) is None:
            await self._more()
        size, start = header
        if size > self._max_size:
            raise MessageTooLarge(f"RPC of {size} bytes is over {self._max_size}")
        while len(self._buffer) < start + size:
            await self._more()
        rpc = rpc_pb2.RPC()
        rpc.ParseFromString(bytes(self._buffer[start : start + size]))
        del self._buffer[: start + size]
        return rpc

    def _length(self) -> tuple[int, int] | None:
        """The length at the start of the buffer and where it ends; None when more bytes are needed."""
        length = 0
        for place, byte in enumerate(self._buffer[:_LENGTH_BYTES]):
            length |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return length, place + 1
        if len(self._buffer) >= _LENGTH_BYTES:
            raise MessageTooLarge(f"RPC is over {self._max_size} bytes")
        return None

    async def _more(self) -> None:
        data = await self._stream.read(READ_BYTES)
        if not data:
            raise IncompleteReadError("stream ended within an RPC", received_bytes=len(self._buffer))
        self._buffer += data
