"""Opens the network of a node: host, gossip, streams, blobs and directory, in one context.

Settings and closing order are those of docs/network.md: TCP, noise, yamux, gossipsub v1.1; pubsub outside
the host (row 8), the host closed first and shielded (row 7).
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import cast

import structlog
import trio
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.tools.anyio_service import background_trio_service

from p2pnode.errors import ConfigError, P2PNodeError, ProtocolError
from p2pnode.network import mdns, upnp
from p2pnode.network.address import Multiaddr, parse_address
from p2pnode.network.attempts import Attempts
from p2pnode.network.blob_store import BlobStore
from p2pnode.network.blobs import PeerBlobs
from p2pnode.network.bootstrap import read_sources
from p2pnode.network.circuit_address import tell_circuits
from p2pnode.network.connections import Connections
from p2pnode.network.conversations import Conversations
from p2pnode.network.directory import Directory
from p2pnode.network.gossip import GossipBus
from p2pnode.network.guard import probe
from p2pnode.network.join import Join
from p2pnode.network.key import load_key
from p2pnode.network.known_peers import KnownPeers
from p2pnode.network.libp2p_host import listening, listening_port, make_host
from p2pnode.network.limits import RateLimit
from p2pnode.network.network import Network
from p2pnode.network.origin_limits import OriginLimits
from p2pnode.network.peers import Peers
from p2pnode.network.psk import load_psk
from p2pnode.network.pubsub import GuardedPubsub
from p2pnode.network.punch import Punch
from p2pnode.network.reachability import Reachability, ReachabilityService, Verdict
from p2pnode.network.records import dialable
from p2pnode.network.relay import Relay
from p2pnode.network.relayed import Relayed
from p2pnode.network.reputation import NAME, NAME_LIST, Reputation, keep_reputation
from p2pnode.network.reversal import Reversal
from p2pnode.network.router import make_router
from p2pnode.network.settings import NetworkSettings
from p2pnode.network.state_file import read_state
from p2pnode.network.streams import Streams
from p2pnode.ports import Standing

log = structlog.get_logger("p2pnode.network")

CLOSE_SECONDS = 5.0
CONFIRMATIONS = 2
"""Peers that have to dial this node at an address before it is told to others."""
CALL_RATE, CALL_BURST = 2000.0, 4000
"""Requests a second of one peer on streams with many of them; each costs a signature check."""
OWN_SHARE = 0.8
"""Part of the rate per origin that we use, so that jitter on the way never puts us over it."""


@asynccontextmanager
async def open_network(settings: NetworkSettings, standing: Standing | None = None) -> AsyncIterator[Network]:
    """Listen, join and serve until the context ends; all sockets are closed then.

    `standing` says whose gossip is relayed at the full rate; None: everyone's.

    ConfigError when the key, an address or the bootstrap list is wrong or a port is taken. What the body
    raises comes out as it is. When the network itself fails, the body is cancelled and the cause raised.
    """
    try:
        listen = [parse_address(address) for address in settings.listen]
        psk = load_psk(settings.psk_path) if settings.psk_path is not None else None
        external: list[Multiaddr] = []
        host = make_host(settings, load_key(settings.key_path), psk, external)
    except ProtocolError as error:
        raise ConfigError(f"network.listen or network.announce: {error}") from error
    sources = read_sources(settings.bootstrap, built_in=settings.builtin_bootstrap).without(host.get_id())
    known, attempts = KnownPeers(settings.state_dir, time.time), Attempts(trio.current_time)
    swarm = cast(Swarm, host.get_network())
    reputation = Reputation(trio.current_time)
    if settings.state_dir is not None:
        reputation.load(read_state(settings.state_dir / NAME, NAME_LIST), time.time())
    router = make_router()

    def blacklist(peer: ID, refused: bool) -> None:
        if refused:
            pubsub.add_to_blacklist(peer)
        else:
            pubsub.remove_from_blacklist(peer)

    connections = Connections(swarm, reputation, blacklist)
    pubsub = GuardedPubsub(
        host, router, OriginLimits(settings.gossip_rates, standing, trio.current_time), connections.offence
    )
    own_rates = settings.gossip_rates.share(OWN_SHARE)
    gossip = GossipBus(pubsub, OriginLimits(own_rates, standing, trio.current_time))
    peers = Peers(host, swarm, settings, connections, reputation, sources.candidates)
    asked = RateLimit(settings.request_rate, settings.request_burst, trio.current_time)
    streams = Streams(host, peers.connect, reputation, connections.offence, asked)
    in_talks = RateLimit(CALL_RATE, CALL_BURST, trio.current_time)
    conversations = Conversations(host, peers.connect, reputation, connections.offence, in_talks)
    directory = Directory(host, connections)
    first = {candidate.peer for candidate in sources.candidates}
    relayed = Relayed(
        host,
        connections,
        lambda: reachability.current.verdict is Verdict.UNREACHABLE,
        lambda peer: peer in first,
    )
    tell_circuits(host, relayed.vias)
    punch = Punch(host, connections, relayed.relays)
    relay = Relay(host, connections, settings.relay) if settings.relay is not None else None
    peers.attach(streams, directory.find_peer, Reversal(host, streams, connections, peers.dial).ask, relayed)
    store = BlobStore(settings.cache_dir, settings.blob_quota)
    blobs = PeerBlobs(store, streams, directory, lambda: network.peers(), connections.offence)

    def reached(peer: ID) -> Multiaddr | None:
        return next(iter(dialable(host, peer)), None)

    join = Join(sources, known, attempts, connections, settings, peers.dial, reached)

    def confirmed(found: Reachability) -> None:
        # One peer could lie about where it sees us.
        if found.yes >= CONFIRMATIONS:
            external[:] = [parse_address(address) for address in found.addresses]
        relayed.changed()

    reachability = ReachabilityService(host, partial(probe, swarm, psk), connections, confirmed)
    network = Network(
        host,
        connections,
        peers,
        gossip,
        streams,
        conversations,
        blobs,
        directory,
        join,
        reachability,
        relayed,
        relay,
    )

    async def find(peer: ID) -> None:
        await peers.dial(peer, dialable(host, peer))

    raised: BaseException | None = None
    try:
        async with AsyncExitStack() as stack:
            for service in (pubsub, router, directory.service):
                await stack.enter_async_context(background_trio_service(service))
            await stack.enter_async_context(listening(host, listen))
            await pubsub.wait_until_ready()
            await gossip.join()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(gossip.run)
                nursery.start_soon(connections.run)
                nursery.start_soon(directory.run)
                nursery.start_soon(peers.run)
                nursery.start_soon(join.run)
                nursery.start_soon(reachability.run)
                nursery.start_soon(relayed.run)
                nursery.start_soon(punch.run)
                if settings.state_dir is not None:
                    nursery.start_soon(keep_reputation, reputation, settings.state_dir, time.time)
                if settings.upnp:
                    nursery.start_soon(upnp.keep_mapped, [listening_port(host)], reachability.check)
                if settings.mdns:
                    nursery.start_soon(mdns.discover, host, listening_port(host), find)
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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors that nested groups hold."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error
