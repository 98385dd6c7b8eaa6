"""Who is connected now, told by the library's events; lets others wait for a change."""

from collections.abc import Callable

import structlog
import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.connection_types import ConnectionType
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID

from p2pnode.network.address import Multiaddr
from p2pnode.network.reputation import Offence, Reputation

log = structlog.get_logger("p2pnode.network")

PENDING = 256


class Connections:
    """What the swarm's connections are, and who is kept out of them.

    A peer that turns out to misbehave goes through `offence`, which ends its connections once it is over
    the limit and keeps it out.
    """

    def __init__(self, swarm: Swarm, reputation: Reputation, blacklist: Callable[[ID, bool], None]) -> None:
        self._swarm = swarm
        self._reputation = reputation
        self._blacklist = blacklist
        self._changed = trio.Event()
        self._joined = trio.Event()
        self._new, self.new = trio.open_memory_channel[ID](PENDING)
        self._expel, self._expelled = trio.open_memory_channel[ID](PENDING)
        self._relayed, self.relayed = trio.open_memory_channel[ID](PENDING)
        swarm.register_notifee(_Events(self._connected, self._disconnected, self._dialled_through_relay))

    def peers(self) -> list[ID]:
        """Peers with an open connection."""
        return [peer for peer in tuple(self._swarm.connections) if self.connected(peer)]

    def connected(self, peer: ID) -> bool:
        """Whether `peer` has an open connection."""
        return any(not connection.is_closed for connection in self._swarm.get_connections(peer))

    def ways(self, peer: ID) -> list[str]:
        """For each open connection of `peer` whether it is "direct" or "relayed"."""
        return [
            connection.get_connection_type().value
            for connection in self._swarm.get_connections(peer)
            if not connection.is_closed
        ]

    async def wait_disconnected(self, peer: ID) -> None:
        """Return once `peer` has no connection."""
        while self.connected(peer):
            await self._changed.wait()

    async def wait_connected(self, peer: ID) -> None:
        """Return once `peer` is connected."""
        while not self.connected(peer):
            await self._changed.wait()

    async def wait_below(self, count: int, peer: ID | None = None) -> None:
        """Return once fewer than `count` peers are connected, or `peer` is."""
        while len(self.peers()) >= count and not (peer is not None and self.connected(peer)):
            await self._changed.wait()

    async def wait_joined(self) -> None:
        """Return when the next peer connects."""
        await self._joined.wait()

    def offence(self, peer: str, offence: Offence) -> None:
        """Count what `peer` did, and expel it when that was too much."""
        if self._reputation.add(peer, offence):
            log.warning("peer.refused", peer=peer, offence=offence.name.lower())
            self._queue(self._expel, ID.from_base58(peer))

    async def run(self) -> None:
        """Close the connections of expelled peers until cancelled."""
        async for peer in self._expelled:
            self._blacklist(peer, True)
            with trio.move_on_after(5):
                try:
                    await self._swarm.close_peer(peer)
                except Exception as error:
                    log.debug("peer.close_failed", peer=peer.to_base58(), error=repr(error))

    def _connected(self, peer: ID) -> None:
        name = peer.to_base58()
        if self._reputation.refuses(name):
            self._queue(self._expel, peer)
            return
        self._blacklist(peer, False)
        log.info("peer.connected", peer=name)
        self._queue(self._new, peer)
        self._joined.set()
        self._joined = trio.Event()
        self._notify()

    def _dialled_through_relay(self, peer: ID) -> None:
        self._queue(self._relayed, peer)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    @staticmethod
    def _queue(channel: trio.MemorySendChannel[ID], peer: ID) -> None:
        try:
            channel.send_nowait(peer)
        except trio.WouldBlock:
            log.warning("peer.queue_full", peer=peer.to_base58())

    def _disconnected(self, peer: ID) -> None:
        log.info("peer.disconnected", peer=peer.to_base58())
        self._notify()


class _Events(INotifee):
    """What the library calls. Nothing here may wait or raise: it runs inside the swarm's own tasks."""

    def __init__(
        self,
        connected: Callable[[ID], None],
        disconnected: Callable[[ID], None],
        relayed: Callable[[ID], None],
    ) -> None:
        self._connected = connected
        self._disconnected = disconnected
        self._relayed = relayed

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        self._connected(conn.muxed_conn.peer_id)
        if conn.get_connection_type() is ConnectionType.RELAYED and not conn.muxed_conn.is_initiator:
            self._relayed(conn.muxed_conn.peer_id)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        self._disconnected(conn.muxed_conn.peer_id)

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...
