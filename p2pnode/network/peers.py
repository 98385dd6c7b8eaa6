"""Finding and dialling peers: what is known, peer exchange, the DHT.

A node that knows only a bootstrap peer reaches any other node: it asks its peers for the signed record of
the one it wants (`/p2pnode/peers/1`), then the DHT. The same protocol hands out samples, so that a node
soon has `target_peers` connections of its own and does not hang on the bootstrap peer.
"""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import cbor2
import structlog
import trio
from libp2p.abc import IHost
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID

from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.network.address import Multiaddr, parse_peer_id
from p2pnode.network.attempts import Filtered, NoAddress
from p2pnode.network.bootstrap import Candidate
from p2pnode.network.circuit_address import vias
from p2pnode.network.connections import Connections
from p2pnode.network.records import (
    MAX_RECORD,
    accept_record,
    dialable,
    known_record,
    own_record,
)
from p2pnode.network.relayed import Relayed
from p2pnode.network.reputation import Offence, Reputation
from p2pnode.network.settings import NetworkSettings
from p2pnode.network.streams import Streams

log = structlog.get_logger("p2pnode.network")

PROTOCOL = "/p2pnode/peers/1"
MAX_RECORDS = 16
MAX_REQUEST = 64
MAX_RESPONSE = MAX_RECORDS * (MAX_RECORD + 8) + 8
EXCHANGE_TIMEOUT = 5.0
ASKED = 4
"""Peers asked at once for a record."""

DIRECT_SECONDS = 3.0
"""For the addresses of a peer that says it is behind a relay: few of them can be dialled from elsewhere."""
REVERSE_SECONDS = 10.0
RELAYS = 4
"""Relays tried for one peer."""

Find = Callable[[ID], Awaitable[None]]


class Peers:
    """Owns no task of its own: `run` is started by the host and ends with it."""

    def __init__(
        self,
        host: IHost,
        swarm: Swarm,
        settings: NetworkSettings,
        connections: Connections,
        reputation: Reputation,
        bootstrap: Sequence[Candidate],
    ) -> None:
        self._host = host
        self._swarm = swarm
        self._settings = settings
        self._connections = connections
        self._reputation = reputation
        self._random = random.Random(settings.seed)
        self._bootstrap: dict[ID, list[Multiaddr]] = {}
        for candidate in bootstrap:
            self._bootstrap.setdefault(candidate.peer, []).append(candidate.address)
        self._dialling: dict[ID, trio.Lock] = {}
        self._streams: Streams | None = None
        self._find_in_dht: Find | None = None
        self._reverse: Find | None = None
        self._relayed: Relayed | None = None

    def attach(self, streams: Streams, find_in_dht: Find, reverse: Find, relayed: Relayed) -> None:
        """Serve peer exchange on `streams`; look in the DHT for unknown peers, have others dial us, and go
        through relays when all else fails."""
        self._streams = streams
        self._find_in_dht = find_in_dht
        self._reverse = reverse
        self._relayed = relayed
        streams.serve(PROTOCOL, self._serve, max_request=MAX_REQUEST)

    async def connect(self, peer: str) -> None:
        """Be connected to `peer`, finding its addresses if need be; NetworkError when that fails."""
        target = parse_peer_id(peer)
        if target == self._host.get_id():
            raise NetworkError(f"{peer} is this node itself")
        if self._reputation.refuses(peer):
            raise NetworkError(f"{peer} is refused for misbehaving; it is forgiven with time")
        if self._connections.connected(target):
            return
        tried: set[str] = set()
        for find in (self._nowhere, self._ask_peers, self._ask_dht):
            await find(target)
            addresses = [*dialable(self._host, target), *self._bootstrap.get(target, [])]
            fresh = [address for address in addresses if str(address) not in tried]
            tried.update(map(str, fresh))
            behind = bool(vias(self._host, target))
            with trio.move_on_after(DIRECT_SECONDS if behind else math.inf):
                if fresh and await self.dial(target, fresh) is None:
                    return
            if behind:
                break
        assert self._relayed is not None
        ways = [self._have_it_dial, self._dial_through_relays]
        # Whom nobody can dial, the peer cannot either.
        for way in reversed(ways) if self._relayed.needed() else ways:
            await way(target)
            if self._connections.connected(target):
                return
        where = f"tried {', '.join(sorted(tried))}" if tried else "no peer knows its address"
        raise NetworkError(f"{peer} cannot be reached: {where}")

    async def dial(self, peer: ID, addresses: Sequence[Multiaddr]) -> BaseException | None:
        """Dial `addresses` one after the other until one connects; else what the last one failed with.

        Row 24: the library itself dials one address of each transport and drops loopback ones; row 9: it
        then refuses to dial the peer for a minute.
        """
        failed: BaseException = NoAddress("no address is known")
        async with self._alone(peer):
            for address in addresses:
                if self._connections.connected(peer):
                    return None
                try:
                    await self._dial(peer, address)
                except Exception as error:
                    log.debug("peer.dial_failed", peer=peer.to_base58(), error=str(error))
                    failed = error
            return None if self._connections.connected(peer) else failed

    @asynccontextmanager
    async def _alone(self, peer: ID) -> AsyncIterator[None]:
        """One task dials `peer`; the others wait, and find it connected."""
        lock = self._dialling.setdefault(peer, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._dialling.pop(peer, None)

    async def _have_it_dial(self, target: ID) -> None:
        assert self._reverse is not None
        with trio.move_on_after(REVERSE_SECONDS):
            await self._reverse(target)

    async def _dial_through_relays(self, target: ID) -> None:
        """Connect through a relay that `target` names, else through any that this node is connected to."""
        assert self._relayed is not None
        named = vias(self._host, target)
        for via in named:
            if not self._connections.connected(via.relay):
                await self.dial(via.relay, [via.address])
        relays = dict.fromkeys([*(via.relay for via in named), *self._relayed.relays()])
        async with self._alone(target):
            for relay in [relay for relay in relays if self._connections.connected(relay)][:RELAYS]:
                if self._connections.connected(target):
                    break
                try:
                    await self._relayed.circuits.dial(relay, target)
                except Exception as error:
                    log.debug("peer.relay_failed", peer=target.to_base58(), error=str(error))

    async def _dial(self, peer: ID, address: Multiaddr) -> None:
        if not await self._swarm.connection_gate.is_allowed(address):
            raise Filtered(f"{address} is filtered")
        if self._reputation.refuses(peer.to_base58()):
            raise Filtered("the peer is refused for misbehaving")
        self._swarm.unblock_peer(peer)
        with trio.fail_after(self._settings.dial_seconds):
            await self._swarm.dial_addr(address, peer)

    async def run(self) -> None:
        """Ask for samples when a peer joins and now and then, and dial until there are enough peers."""
        while True:
            with trio.move_on_after(self._settings.exchange_seconds):
                await self._connections.wait_joined()
            peers = self._connections.peers()
            if peers and len(peers) < self._settings.target_peers:
                await self._sample(self._random.choice(peers))

    async def _sample(self, source: ID) -> None:
        for peer in await self._exchange(source, b""):
            if len(self._connections.peers()) >= self._settings.target_peers:
                return
            if not self._connections.connected(peer) and not self._reputation.refuses(peer.to_base58()):
                await self.dial(peer, dialable(self._host, peer))

    async def _nowhere(self, target: ID) -> None:
        """The first attempt uses what is known already."""

    async def _ask_peers(self, target: ID) -> None:
        peers = [peer for peer in self._connections.peers() if peer != target]
        self._random.shuffle(peers)
        # Bootstrap peers have met most others, so they are asked first.
        peers.sort(key=lambda peer: peer not in self._bootstrap)
        async with trio.open_nursery() as nursery:
            for peer in peers[:ASKED]:
                nursery.start_soon(self._exchange, peer, target.to_bytes())

    async def _ask_dht(self, target: ID) -> None:
        if self._find_in_dht is not None:
            await self._find_in_dht(target)

    async def _exchange(self, source: ID, request: bytes) -> list[ID]:
        """Ask `source` and keep the records it answers with; [] when it does not answer."""
        assert self._streams is not None
        name = source.to_base58()
        try:
            answer = await self._streams.request(
                name, PROTOCOL, request, timeout=EXCHANGE_TIMEOUT, max_response=MAX_RESPONSE
            )
            return [peer for peer in map(self._accept, decode_records(answer)) if peer != self._host.get_id()]
        except ProtocolError as error:
            log.info("peer.bad_exchange", peer=name, error=str(error))
            self._connections.offence(name, Offence.MALFORMED)
        except NetworkError as error:
            log.debug("peer.exchange_failed", peer=name, error=str(error))
        return []

    def _accept(self, record: bytes) -> ID:
        return accept_record(self._host, record)

    async def _serve(self, peer: str, request: bytes) -> bytes:
        """A peer's record when its ID is asked for, else a sample of those connected here."""
        if request:
            wanted = [ID(request)]
        else:
            wanted = [other for other in self._connections.peers() if other.to_base58() != peer]
            self._random.shuffle(wanted)
        records = []
        for other in wanted[:MAX_RECORDS]:
            own = other == self._host.get_id()
            record = own_record(self._host) if own else known_record(self._host, other)
            if record is not None and len(record) <= MAX_RECORD:
                records.append(record)
        return cbor2.dumps(records)


def decode_records(data: bytes) -> list[bytes]:
    """The records of an exchange answer; ProtocolError unless it is a list of at most 16 byte strings."""
    try:
        records = cbor2.loads(data)
    except Exception as error:
        raise ProtocolError(f"peer exchange answer is not CBOR: {error}") from error
    if not isinstance(records, list) or len(records) > MAX_RECORDS:
        raise ProtocolError(f"peer exchange answer is not a list of at most {MAX_RECORDS} records")
    if not all(isinstance(record, bytes) for record in records):
        raise ProtocolError("peer exchange answer holds something other than byte strings")
    return records
