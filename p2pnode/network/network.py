"""An open network: what the rest of the node has of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

import trio
from libp2p.abc import IHost
from libp2p.peer.id import ID

from p2pnode.errors import NetworkError
from p2pnode.network.blobs import PeerBlobs
from p2pnode.network.connections import Connections
from p2pnode.network.conversations import Conversations
from p2pnode.network.directory import Directory
from p2pnode.network.gossip import GossipBus
from p2pnode.network.join import Join
from p2pnode.network.peers import Peers
from p2pnode.network.reachability import Reachability, ReachabilityService
from p2pnode.network.records import dialable
from p2pnode.network.relay import Relay
from p2pnode.network.relayed import Relayed
from p2pnode.network.streams import Streams
from p2pnode.ports import Ask, Bus, Gossip, Handler, StreamProtocol, Topic


class Network:
    """An open network. Also the port `Bus`: `bus` is this object."""

    def __init__(
        self,
        host: IHost,
        connections: Connections,
        peers: Peers,
        gossip: GossipBus,
        streams: Streams,
        conversations: Conversations,
        blobs: PeerBlobs,
        directory: Directory,
        join: Join,
        reachability: ReachabilityService,
        relayed: Relayed,
        relay: Relay | None,
    ) -> None:
        self._host = host
        self._connections = connections
        self._peers = peers
        self._gossip = gossip
        self._streams = streams
        self._conversations = conversations
        self._join = join
        self._reachability = reachability
        self._relayed = relayed
        self._relay = relay
        self.blobs = blobs
        self.directory = directory

    @property
    def bus(self) -> Bus:
        """Gossip and streams."""
        return self

    @property
    def peer_id(self) -> str:
        """Our base58 peer ID."""
        return self._host.get_id().to_base58()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs under which others can dial us, with `/p2p/<peer ID>`."""
        return tuple(str(address) for address in self._host.get_addrs())

    def peers(self) -> Sequence[str]:
        """Peers connected now."""
        return [peer.to_base58() for peer in self._connections.peers()]

    def joining(self) -> str:
        """How many peers are connected; when none is, what was tried, how it failed and what to do."""
        return self._join.words()

    @property
    def reachability(self) -> Reachability:
        """Whether others can dial this node, as they said last."""
        return self._reachability.current

    def ways(self, peer: str) -> list[str]:
        """How `peer` is connected: "direct" or "relayed" for each connection."""
        return self._connections.ways(ID.from_base58(peer))

    def relays(self) -> list[str]:
        """Peers through which this node can be reached, since it cannot be dialled."""
        return [via.relay.to_base58() for via in self._relayed.vias()]

    def relayed_peers(self) -> list[str]:
        """Peers that can be reached through this node, when it is a relay."""
        return [] if self._relay is None else self._relay.reservations

    async def check_reachability(self) -> Reachability:
        """Ask connected peers now whether they can dial this node."""
        return await self._reachability.check()

    async def publish(self, topic: Topic, data: bytes) -> None:
        """Gossip at most 64 KiB; paced."""
        await self._gossip.publish(topic, data)

    def subscribe(self, topic: Topic) -> AbstractAsyncContextManager[AsyncIterator[Gossip]]:
        """Messages of other peers on `topic`, each once."""
        return self._gossip.subscribe(topic)

    def serve(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        """Answer every request on `protocol`. ProtocolError and MarketError are told to the peer."""
        self._streams.serve(protocol, handler, max_request=max_request)

    async def request(
        self, peer: str, protocol: StreamProtocol, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        """One request to `peer`, found and dialled if need be, and its answer."""
        return await self._streams.request(peer, protocol, data, timeout=timeout, max_response=max_response)

    def serve_conversations(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        """Answer every request of the streams on `protocol`."""
        self._conversations.serve(protocol, handler, max_request=max_request)

    def converse(
        self, peer: str, protocol: StreamProtocol, *, timeout: float, max_response: int
    ) -> AbstractAsyncContextManager[Ask]:
        """A stream to `peer` for many requests."""
        return self._conversations.open(peer, protocol, timeout=timeout, max_response=max_response)

    async def connect(self, peer: str, timeout: float = 20.0) -> None:
        """Be connected to `peer`; NetworkError says what was tried."""
        try:
            with trio.fail_after(timeout):
                await self._peers.connect(peer)
        except trio.TooSlowError as error:
            raise NetworkError(f"{peer} was not reached within {timeout:g} s") from error

    def addresses_of(self, peer: str) -> tuple[str, ...]:
        """TCP addresses known for a peer, without its ID."""
        return tuple(str(address) for address in dialable(self._host, ID.from_base58(peer)))

    async def wait_connected(self, peer: str) -> None:
        """Return once `peer` is connected, whoever dialled."""
        await self._connections.wait_connected(ID.from_base58(peer))

    async def wait_disconnected(self, peer: str) -> None:
        """Return once `peer` has no connection left."""
        await self._connections.wait_disconnected(ID.from_base58(peer))

    async def wait_for_mesh(self, peer: str, topic: Topic, timeout: float = 10.0) -> None:
        """Return once gossip on `topic` flows to `peer` directly."""
        await self._gossip.wait_for_mesh(peer, topic, timeout)
