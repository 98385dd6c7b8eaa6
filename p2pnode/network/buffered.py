"""A raw connection that is read in large pieces, whatever the layers above ask for.

Row 39: noise reads two bytes and then the rest of each message, and the negotiation before it byte by byte;
each of these was a system call and a turn of the scheduler.
"""

from typing import Final

from libp2p.abc import IRawConnection
from libp2p.connection_types import ConnectionType

from p2pnode.network.address import Multiaddr

READ_BYTES: Final = 1 << 16


class BufferedConnection(IRawConnection):
    """`inner`, of which as much is read at once as has come."""

    def __init__(self, inner: IRawConnection) -> None:
        self._inner = inner
        self._buffer = b""
        self._at = 0
        self.is_initiator = inner.is_initiator

    async def read(self, n: int | None = None) -> bytes:
        """At most `n` bytes, b"" at the end. Waits only when nothing is left of the last read."""
        if n == 0:
            return b""
        if self._at == len(self._buffer):
            self._buffer, self._at = await self._inner.read(max(READ_BYTES, n or 0)), 0
        end = len(self._buffer) if n is None else self._at + n
        part = self._buffer[self._at : end]
        self._at += len(part)
        return part

    async def write(self, data: bytes) -> None:
        """Write at once."""
        await self._inner.write(data)

    async def close(self) -> None:
        """Close the connection below."""
        await self._inner.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Address of the other side."""
        return self._inner.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Addresses of the connection below."""
        return self._inner.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """Direct or relayed, as the connection below is."""
        return self._inner.get_connection_type()
