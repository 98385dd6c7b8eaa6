"""Who has which content: provider records in the Kademlia DHT.

libp2p kad-dht spec, with the workarounds of rows 18 to 21. The library always speaks `/ipfs/kad/1.0.0`,
so a network must never be joined to the public IPFS one.
"""

from collections import OrderedDict

import structlog
import trio
from libp2p.abc import IHost
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.id import ID

from p2pnode.network.connections import Connections

log = structlog.get_logger("p2pnode.network")

PROVIDE_PAUSE = 1.1
"""Receivers take 10 provider records in 10 s from a peer and drop the rest without a word (row 19)."""
MAX_PAUSE = 60.0
PROVIDE_TIMEOUT = 20.0
FIND_TIMEOUT = 10.0
REPEAT_SECONDS = 6 * 3600
"""Provider records live 24 to 48 hours on their holders."""
MAX_PROVIDERS = 20
MAX_QUEUED = 4096
IDENTIFY_SECONDS = 5.0


class Directory:
    """`provide` queues, `run` announces one record after the other and repeats them all in time."""

    def __init__(self, host: IHost, connections: Connections) -> None:
        self.service = KadDHT(host, DHTMode.SERVER)
        self._host = host
        self._connections = connections
        self._queue: OrderedDict[bytes, None] = OrderedDict()
        self._mine: OrderedDict[bytes, float] = OrderedDict()
        self._wake = trio.Event()

    def provide(self, digest: bytes) -> None:
        """Announce soon that this node has the content of a SHA-256 digest."""
        if len(self._queue) >= MAX_QUEUED:
            log.warning("directory.queue_full", digest=digest.hex())
            return
        self._queue[digest] = None
        self._wake.set()

    def forget(self, digest: bytes) -> None:
        """Announce it no longer."""
        self._queue.pop(digest, None)
        self._mine.pop(digest, None)

    async def find(self, digest: bytes) -> list[str]:
        """Peer IDs, each once, that say they have the content; [] when none is found in 10 s."""
        key = _key(digest)
        # Row 20: a non-empty local cache hides every provider that joined since.
        self.service.provider_store.providers.pop(bytes.fromhex(key), None)
        found: dict[str, None] = {}
        with trio.move_on_after(FIND_TIMEOUT):
            try:
                for info in await self.service.find_providers(key, MAX_PROVIDERS):
                    found[info.peer_id.to_base58()] = None
            except Exception as error:
                log.info("directory.find_failed", digest=digest.hex(), error=repr(error))
        found.pop(self._host.get_id().to_base58(), None)
        return list(found)[:MAX_PROVIDERS]

    async def find_peer(self, peer: ID) -> None:
        """Look up the addresses of a peer; they land in the peerstore."""
        with trio.move_on_after(FIND_TIMEOUT):
            try:
                await self.service.find_peer(peer)
            except Exception as error:
                log.info("directory.find_peer_failed", peer=peer.to_base58(), error=repr(error))

    async def run(self) -> None:
        """Fill the routing table as peers connect, and announce, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._announce)
            async for peer in self._connections.new:
                nursery.start_soon(self._add, peer)

    async def _add(self, peer: ID) -> None:
        """Row 18: connecting does not fill the routing table; its entries need identify's addresses."""
        with trio.move_on_after(IDENTIFY_SECONDS):
            while self._connections.connected(peer):
                try:
                    if await self.service.add_peer(peer):
                        return
                except Exception as error:
                    log.debug("directory.add_failed", peer=peer.to_base58(), error=repr(error))
                await trio.sleep(0.1)

    async def _announce(self) -> None:
        pause = PROVIDE_PAUSE
        while True:
            now = trio.current_time()
            while self._mine and now - next(iter(self._mine.values())) > REPEAT_SECONDS:
                self._queue[self._mine.popitem(last=False)[0]] = None
            if not self._queue:
                self._wake = trio.Event()
                with trio.move_on_after(60):
                    await self._wake.wait()
                continue
            digest = next(iter(self._queue))
            if await self._provide(digest):
                self._queue.pop(digest, None)
                self._mine[digest] = trio.current_time()
                self._mine.move_to_end(digest)
                pause = PROVIDE_PAUSE
            else:
                self._queue.move_to_end(digest)
                # Nobody took it: the only peers may be such as serve no DHT.
                pause = min(pause * 2, MAX_PAUSE)
            await trio.sleep(pause)

    async def _provide(self, digest: bytes) -> bool:
        with trio.move_on_after(PROVIDE_TIMEOUT):
            try:
                return await self.service.provide(_key(digest))
            except Exception as error:
                log.info("directory.provide_failed", digest=digest.hex(), error=repr(error))
        return False


def _key(digest: bytes) -> str:
    """The DHT key of a digest: its sha2-256 multihash in hex, the same for every CID of the content."""
    return "1220" + digest.hex()
