"""Connections through a relay, for the two sides of one: circuit relay v2, dialling and being dialled.

To the swarm such a connection is like any other: noise and yamux run over the stream that the relay passes
on, so the relay sees neither bytes nor protocols, and who the other side is, noise proves.
"""

from collections.abc import Callable
from typing import cast

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.connection_types import ConnectionType
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, StopMessage

from p2pnode.errors import NetworkError
from p2pnode.network.address import Multiaddr
from p2pnode.network.circuit_address import is_relayed
from p2pnode.network.guard import guarded, reset
from p2pnode.network.relay_wire import (
    HOP,
    STOP,
    Status,
    read_message,
    read_some,
    write_message,
)

log = structlog.get_logger("p2pnode.network")

ASK_SECONDS = 15.0
"""Longer than a relay waits for the other side."""

REASONS = {
    Status.RESERVATION_REFUSED: "it has no place left",
    Status.RESOURCE_LIMIT_EXCEEDED: "it passes on as much as it may",
    Status.PERMISSION_DENIED: "it refuses this node",
    Status.NO_RESERVATION: "the peer has no place there",
}


class CircuitStream(ReadWriteCloser):
    """A relayed stream as the library wants the bytes below noise: end and errors as of a socket."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        """At most `n` bytes, b"" at the end."""
        try:
            return await read_some(self._stream, n or 65536)
        except StreamError as error:
            raise ConnectionClosedError(f"the circuit ended: {error!r}", transport="relay") from error

    async def write(self, data: bytes) -> None:
        """All of `data`."""
        try:
            await self._stream.write(data)
        except StreamError as error:
            raise ConnectionClosedError(f"the circuit ended: {error!r}", transport="relay") from error

    async def close(self) -> None:
        """End the circuit, both ways."""
        await reset(self._stream)

    def get_remote_address(self) -> tuple[str, int] | None:
        """Address of the relay: what the limits for one place count."""
        return self._stream.get_remote_address()


class Circuits:
    """Dials through relays, and takes what comes through those where `holds` says that we have a place."""

    def __init__(self, host: IHost, holds: Callable[[ID], bool]) -> None:
        self._host = host
        self._swarm = cast(Swarm, host.get_network())
        self._holds = holds
        host.set_stream_handler(STOP, guarded(self._accept))

    async def dial(self, relay: ID, peer: ID) -> None:
        """Connect to `peer` through `relay`, which is connected; NetworkError when that fails."""
        stream = await self._host.new_stream(relay, [HOP])
        try:
            request = HopMessage(type=HopMessage.CONNECT)
            request.peer.id = peer.to_bytes()
            answer = await self._ask(stream, request)
            log.debug("circuit.dialled", relay=relay.to_base58(), bytes=answer.limit.data)
            await self._swarm.upgrade_outbound_raw_conn(self._raw(stream, relay, dialled=True), peer)
        except BaseException:
            await reset(stream)
            raise

    async def reserve(self, relay: ID) -> float:
        """Take a place at `relay`, or keep it; the Unix time at which it ends. NetworkError when refused."""
        stream = await self._host.new_stream(relay, [HOP])
        try:
            answer = await self._ask(stream, HopMessage(type=HopMessage.RESERVE))
            await stream.close()
        except BaseException:
            await reset(stream)
            raise
        return float(answer.reservation.expire)

    async def _ask(self, stream: INetStream, request: HopMessage) -> HopMessage:
        with trio.fail_after(ASK_SECONDS):
            await write_message(stream, request)
            answer = await read_message(stream, HopMessage)
        if answer.type != HopMessage.STATUS or answer.status != Status.OK:
            why = REASONS.get(answer.status, f"status {answer.status}")
            raise NetworkError(f"relay {stream.muxed_conn.peer_id.to_base58()}: {why}")
        return answer

    async def _accept(self, stream: INetStream) -> None:
        relay = stream.muxed_conn.peer_id
        with trio.fail_after(ASK_SECONDS):
            request = await read_message(stream, StopMessage)
            asked = request.type == StopMessage.CONNECT and 0 < len(request.peer.id) <= 64
            taken = asked and self._holds(relay) and not is_relayed(stream)
            status = Status.OK if taken else Status.PERMISSION_DENIED
            await write_message(stream, StopMessage(type=StopMessage.STATUS, status=status))
            if not taken:
                await stream.close()
                return
        raw = self._raw(stream, relay, dialled=False)
        try:
            # Returns by raising, once the connection is closed (`guard_swarm`).
            await self._swarm.upgrade_inbound_raw_conn(raw, raw.get_transport_addresses()[0])
        except SwarmException as error:
            log.debug("circuit.closed", relay=relay.to_base58(), error=str(error))
        finally:
            await reset(stream)

    def _raw(self, stream: INetStream, relay: ID, *, dialled: bool) -> RawConnection:
        return RawConnection(
            CircuitStream(stream),
            initiator=dialled,
            connection_type=ConnectionType.RELAYED,
            addresses=[Multiaddr(f"/p2p/{relay.to_base58()}/p2p-circuit")],
        )
