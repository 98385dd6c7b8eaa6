"""Guards between the library and what peers send: no bytes of a peer may end the node.

Rows 1, 2, 23, 26 and 29 of docs/network.md.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog
import trio
from libp2p.abc import IMuxedConn, INetStream, IRawConnection
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.stream_muxer.yamux.yamux import GO_AWAY_NORMAL, Yamux

from p2pnode.network.address import Multiaddr
from p2pnode.network.admission import Admission
from p2pnode.network.buffered import BufferedConnection
from p2pnode.network.psk import PrivateConnection

log = structlog.get_logger("p2pnode.network")

StreamHandler = Callable[[INetStream], Awaitable[None]]
OnOffence = Callable[[str, Exception], None]


def guarded(handler: StreamHandler, on_error: OnOffence | None = None) -> StreamHandler:
    """`handler`, but what it raises is logged and resets the stream (row 1: it would end the node)."""

    async def run(stream: INetStream) -> None:
        try:
            await handler(stream)
        except Exception as error:
            peer = stream.muxed_conn.peer_id.to_base58()
            log.debug("stream.failed", peer=peer, protocol=stream.get_protocol(), error=repr(error))
            if on_error is not None:
                on_error(peer, error)
            await reset(stream)

    return run


async def reset(stream: INetStream) -> None:
    """Reset a stream in a second at most, whatever state it is in, also when cancelled."""
    with trio.CancelScope(shield=True), trio.move_on_after(1):
        try:
            await stream.reset()
        except Exception as error:
            log.debug("stream.reset_failed", error=repr(error))


def guard_swarm(swarm: Swarm, admission: Admission, psk: bytes | None = None) -> None:
    """Free the slot and the socket of a closed connection, survive a broken negotiation, dial nobody unasked.

    Lets in what `admission` does, and wraps every connection in the pre-shared key `psk` if there is one.

    Row 2: the library holds one of its inbound slots for the whole life of the swarm, not of the
    connection; waiting here for the end of the connection and then raising lets it go. Row 23: what a
    peer sends while a stream's protocol is being agreed can raise past the library's own handler. Row 29:
    a close that is cancelled counts as done, although the socket is still open.
    """
    upgrade, add_conn = swarm.upgrade_inbound_raw_conn, swarm.add_conn
    upgrade_outbound = swarm.upgrade_outbound_raw_conn

    async def add_closing_conn(muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        _close_socket_always(cast(Yamux, muxed_conn))
        return await add_conn(muxed_conn, direction)

    async def upgrade_and_hold(raw_conn: IRawConnection, maddr: Multiaddr) -> IMuxedConn:
        with admission.admit(raw_conn.get_remote_address()):
            muxed = await upgrade(_wrapped(raw_conn, psk), maddr)
            connections = [c for c in swarm.get_connections(muxed.peer_id) if c.muxed_conn is muxed]
            closed = connections[0] if connections else muxed
            await cast(trio.Event, closed.event_closed).wait()  # type: ignore[union-attr]
        raise SwarmException("connection closed")

    async def upgrade_or_close(raw_conn: IRawConnection, peer_id: ID, pre_scope: Any = None) -> SwarmConn:
        try:
            return await upgrade_outbound(_wrapped(raw_conn, psk), peer_id, pre_scope)
        except BaseException:
            # What the library does not expect in a handshake, it leaves with an open socket.
            await raw_conn.close()
            raise

    swarm.upgrade_outbound_raw_conn = upgrade_or_close  # type: ignore[method-assign]
    swarm.add_conn = add_closing_conn  # type: ignore[method-assign]
    swarm.upgrade_inbound_raw_conn = upgrade_and_hold  # type: ignore[method-assign]
    swarm.set_stream_handler(guarded(swarm.common_stream_handler))
    swarm.auto_connector = _NoAutoConnector(swarm)


async def probe(swarm: Swarm, psk: bytes | None, address: Multiaddr, peer: ID) -> None:
    """Dial `address` and check that `peer` answers there; raises what the dial fails with.

    Nothing of it reaches the swarm: a second connection that comes and goes there would make pubsub drop a
    peer that is still connected.
    """
    full = Multiaddr(f"{address}/p2p/{peer.to_base58()}")
    transport = swarm.transport_manager.transport_for_dialing(full)
    if transport is None:
        raise SwarmException(f"no transport dials {address}")
    raw_conn = await transport.dial(full)
    try:
        await swarm.upgrader.upgrade_security(_wrapped(raw_conn, psk), True, peer)
    finally:
        await raw_conn.close()


def _wrapped(raw_conn: IRawConnection, psk: bytes | None) -> IRawConnection:
    buffered = BufferedConnection(raw_conn)
    return buffered if psk is None else PrivateConnection(buffered, psk)


def _close_socket_always(muxed: Yamux) -> None:
    """Make `muxed.close` close the socket also when it is cancelled before it comes to that.

    Closing a socket needs no wait, so it happens even in a cancelled task.
    """
    close = muxed.close

    async def close_with_socket(error_code: int = GO_AWAY_NORMAL) -> None:
        try:
            await close(error_code)
        finally:
            await muxed.secured_conn.close()

    muxed.close = close_with_socket  # type: ignore[method-assign]


class _NoAutoConnector(AutoConnector):
    """Row 26: with both watermarks at 0 the library still dials half as many peers as it may have."""

    async def maybe_connect(self) -> None:
        """Dial nobody: `Peers` decides."""
