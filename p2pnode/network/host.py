"""Opens the network of a node: host, gossip, streams, blobs and directory, in one context.

Settings and closing order are those of docs/network.md: TCP, noise, yamux, gossipsub v1.1; pubsub outside
the host (row 8), the host closed first and shielded (row 7).
"""

import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import cast

import structlog
import trio
from libp2p import new_host
from libp2p.abc import IHost
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils.address_validation import expand_wildcard_address

from p2pnode.errors import ConfigError, NetworkError, P2PNodeError, ProtocolError
from p2pnode.network import mdns
from p2pnode.network.address import Multiaddr, parse_address
from p2pnode.network.blob_store import BlobStore
from p2pnode.network.blobs import PeerBlobs
from p2pnode.network.bootstrap import resolve_peers
from p2pnode.network.connections import Connections
from p2pnode.network.directory import Directory
from p2pnode.network.gossip import GossipBus
from p2pnode.network.guard import guard_swarm
from p2pnode.network.key import load_key
from p2pnode.network.limits import RateLimit
from p2pnode.network.noise import WholeWriteNoise
from p2pnode.network.peers import Peers
from p2pnode.network.pubsub import GuardedPubsub, make_router
from p2pnode.network.records import dialable
from p2pnode.network.reputation import Reputation
from p2pnode.network.settings import NetworkSettings
from p2pnode.network.streams import Streams
from p2pnode.ports import Blobs, Bus, Gossip, Handler, StreamProtocol, Topic

log = structlog.get_logger("p2pnode.network")

CLOSE_SECONDS = 5.0
OWN_SHARE = 0.8
"""Part of the rate per origin that we use, so that jitter on the way never puts us over it."""


class Network:
    """An open network. Also the port `Bus`: `bus` is this object."""

    def __init__(
        self,
        host: IHost,
        connections: Connections,
        peers: Peers,
        gossip: GossipBus,
        streams: Streams,
        blobs: Blobs,
        directory: Directory,
    ) -> None:
        self._host = host
        self._connections = connections
        self._peers = peers
        self._gossip = gossip
        self._streams = streams
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


def _make_host(settings: NetworkSettings, key: KeyPair) -> IHost:
    announce = [parse_address(address) for address in settings.announce]

    def advertised(candidates: list[Multiaddr]) -> list[Multiaddr]:
        if announce:
            return announce
        return [address for candidate in candidates for address in expand_wildcard_address(candidate)]

    host = new_host(
        key_pair=key,
        # Row 22: by default the library also takes plaintext, secio and TLS connections.
        sec_opt={NOISE: WholeWriteNoise(key)},
        muxer_opt={TProtocol(YAMUX): Yamux},
        connection_config=ConnectionConfig(
            max_connections=settings.max_connections,
            # Both 0: we choose whom to dial ourselves, in `Peers`.
            min_connections=0,
            low_watermark=0,
            high_watermark=settings.max_connections,
            dial_timeout=settings.dial_seconds,
        ),
        addrs_factory=advertised,
        disable_identify_address_discovery=True,
    )
    swarm = cast(Swarm, host.get_network())
    swarm.retry_config = RetryConfig(max_retries=0)
    guard_swarm(swarm)
    return host


@asynccontextmanager
async def open_network(settings: NetworkSettings) -> AsyncIterator[Network]:
    """Listen, join and serve until the context ends; all sockets are closed then.

    ConfigError when the key, an address or the bootstrap list is wrong or a port is taken. What the body
    raises comes out as it is. When the network itself fails, the body is cancelled and the cause raised.
    """
    try:
        listen = [parse_address(address) for address in settings.listen]
        host = _make_host(settings, load_key(settings.key_path))
    except ProtocolError as error:
        raise ConfigError(f"network.listen or network.announce: {error}") from error
    bootstrap = resolve_peers(settings.bootstrap)
    swarm = cast(Swarm, host.get_network())
    reputation = Reputation(trio.current_time)
    router = make_router()

    def blacklist(peer: ID, refused: bool) -> None:
        if refused:
            pubsub.add_to_blacklist(peer)
        else:
            pubsub.remove_from_blacklist(peer)

    connections = Connections(swarm, reputation, blacklist)
    limit = RateLimit(settings.origin_rate, settings.origin_burst, trio.current_time)
    pubsub = GuardedPubsub(host, router, limit, connections.offence)
    own_burst = max(1, int(settings.origin_burst * OWN_SHARE))
    gossip = GossipBus(pubsub, RateLimit(settings.origin_rate * OWN_SHARE, own_burst, trio.current_time))
    peers = Peers(host, swarm, settings, connections, reputation, bootstrap)
    streams = Streams(host, peers.connect, reputation, connections.offence)
    directory = Directory(host, connections)
    peers.attach(streams, directory.find_peer)
    blobs = PeerBlobs(
        BlobStore(settings.cache_dir), streams, directory, lambda: network.peers(), connections.offence
    )
    network = Network(host, connections, peers, gossip, streams, blobs, directory)

    async def find(peer: ID) -> None:
        await peers.dial(peer, dialable(host, peer))

    raised: BaseException | None = None
    try:
        async with AsyncExitStack() as stack:
            for service in (pubsub, router, directory.service):
                await stack.enter_async_context(background_trio_service(service))
            await stack.enter_async_context(_listening(host, listen))
            await pubsub.wait_until_ready()
            await gossip.join()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(gossip.run)
                nursery.start_soon(connections.run)
                nursery.start_soon(directory.run)
                nursery.start_soon(peers.run)
                if settings.mdns:
                    nursery.start_soon(mdns.discover, host, _port(host), find)
                log.info("network.open", peer=network.peer_id, addresses=network.addresses)
                try:
                    yield network
                except BaseException as error:
                    raised = error
                    raise
                finally:
                    nursery.cancel_scope.cancel()
                    with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_SECONDS):
                        await host.close()
    except BaseExceptionGroup as group:
        # Five nurseries lie between the body and here; the caller gets what was raised, not their groups.
        causes = set(_causes(group))
        if len(causes) == 1 and (raised in causes or isinstance(next(iter(causes)), P2PNodeError)):
            raise causes.pop() from None
        raise
    log.info("network.closed", peer=network.peer_id)


@asynccontextmanager
async def _listening(host: IHost, listen: Sequence[Multiaddr]) -> AsyncIterator[None]:
    for address in listen:
        _check_free(address)
    async with host.run(listen_addrs=listen):
        missing = {str(address) for address in listen} - set(cast(Swarm, host.get_network()).listeners)
        if missing:
            raise ConfigError(f"network.listen: cannot listen on {', '.join(sorted(missing))}")
        yield


def _check_free(address: Multiaddr) -> None:
    """Row 27: the library sets SO_REUSEPORT, so a second node on a port would silently share it."""
    names = [protocol.name for protocol in address.protocols()]
    if len(names) != 2 or names[0] not in ("ip4", "ip6") or names[1] != "tcp":
        raise ConfigError(f"network.listen: {address} is not a TCP address: write /ip4/<address>/tcp/<port>")
    family, host, _, port = str(address).strip("/").split("/")
    try:
        probe = socket.socket(socket.AF_INET6 if family == "ip6" else socket.AF_INET)
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except OSError as error:
        raise ConfigError(f"network.listen: cannot listen on {address}: {error.strerror}") from error


def _port(host: IHost) -> int:
    return int(host.get_addrs()[0].value_for_protocol("tcp") or 0)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors that nested groups hold."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error
