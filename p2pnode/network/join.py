"""Joining and rejoining: bootstrap peers and peers met before, dialled for ever.

Rows 9 and 10 of docs/network.md: the library never redials, and its own bootstrap forgets a peer after
three failures. Here nothing is given up: waits grow to `redial_seconds` and jitter, so that a thousand
nodes that lost the same peer do not come back in the same second.
"""

import math
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio
from libp2p.peer.id import ID

from p2pnode.network import dnsaddr
from p2pnode.network.address import Multiaddr, split_address
from p2pnode.network.attempts import Attempts, NameUnknown, NoRecord
from p2pnode.network.bootstrap import Candidate, Sources
from p2pnode.network.connections import Connections
from p2pnode.network.dnsaddr import PREFIX
from p2pnode.network.known_peers import NAME, KnownPeers
from p2pnode.network.settings import NetworkSettings

log = structlog.get_logger("p2pnode.network")

REFRESH_SECONDS = 3600.0
"""How often a DNS name is looked up again while it answers."""
PARALLEL_DIALS = 8
FEW_PEERS = 4
"""With fewer peers than this, those met before are dialled too."""
NOTE_SECONDS, NOTE_AGAIN_SECONDS = 2.0, 30.0
"""How often new peers are noted, and how often those that stay: looking up addresses takes time."""
SAVE_SECONDS = 60.0
COMPLAIN_SECONDS = (60.0, 3600.0)
"""First and longest wait between two warnings that nobody answers."""

Dial = Callable[[ID, Sequence[Multiaddr]], Awaitable[BaseException | None]]
"""Dials addresses one after the other: None when connected, else what the last one failed with."""
Reached = Callable[[ID], Multiaddr | None]
"""Where a connected peer can be dialled, as it says itself."""


class Join:
    """Started by the host; ends with it."""

    def __init__(
        self,
        sources: Sources,
        known: KnownPeers,
        attempts: Attempts,
        connections: Connections,
        settings: NetworkSettings,
        dial: Dial,
        reached: Reached,
    ) -> None:
        self._sources = sources
        self._known = known
        self._attempts = attempts
        self._connections = connections
        self._settings = settings
        self._dial = dial
        self._reached = reached
        self._noted: dict[ID, float] = {}
        self._lookup = settings.lookup_txt
        self._random = random.Random(settings.seed)
        self._slots = trio.CapacityLimiter(PARALLEL_DIALS)
        self.has_sources = bool(sources.candidates or sources.names or known.all())

    def words(self) -> str:
        """Why nobody is connected, or how many are."""
        count = len(self._connections.peers())
        return f"connected to {count} peers" if count else self._attempts.words()

    async def run(self) -> None:
        """Keep this node joined until cancelled; what was met is on disk then."""
        try:
            async with trio.open_nursery() as nursery:
                self._keep_all(nursery, self._sources.candidates)
                for name in self._sources.names:
                    nursery.start_soon(self._keep_name, name)
                nursery.start_soon(self._rejoin)
                nursery.start_soon(self._remember)
                nursery.start_soon(self._complain)
        finally:
            # A few kilobytes; a thread could not be awaited here.
            self._known.save()

    def _keep_all(self, nursery: trio.Nursery, candidates: Sequence[Candidate]) -> None:
        by_peer: dict[ID, list[Candidate]] = {}
        for candidate in candidates:
            by_peer.setdefault(candidate.peer, []).append(candidate)
        for same in by_peer.values():
            nursery.start_soon(self._keep, same)

    async def _keep(self, candidates: Sequence[Candidate]) -> None:
        """Keep one peer connected, as long as this node wants more peers."""
        peer = candidates[0].peer
        waits = self._waits()
        while True:
            await self._connections.wait_below(self._settings.target_peers, peer)
            if await self._try(candidates):
                log.info("peer.bootstrap_connected", peer=peer.to_base58())
                since = trio.current_time()
                await self._connections.wait_disconnected(peer)
                log.info("peer.bootstrap_lost", peer=peer.to_base58())
                # One that accepts and hangs up at once must not be dialled without a pause.
                if trio.current_time() - since > self._settings.redial_seconds[1]:
                    waits = self._waits()
            await trio.sleep(next(waits))

    async def _try(self, candidates: Sequence[Candidate]) -> bool:
        async with self._slots:
            for candidate in candidates:
                error = await self._dial(candidate.peer, [candidate.address])
                self._attempts.note(str(candidate), candidate.source, error)
                if error is None:
                    return True
        return False

    async def _keep_name(self, name: str) -> None:
        """Look up a DNS name until it answers, keep its peers, and look it up again every hour."""
        waits = self._waits()
        while True:
            try:
                found = await dnsaddr.resolve(name, self._lookup)
            except (NameUnknown, NoRecord) as error:
                self._attempts.note(PREFIX + name, "DNS", error)
                log.info("bootstrap.lookup_failed", name=name, error=str(error))
                await trio.sleep(next(waits))
                continue
            waits = self._waits()
            with trio.move_on_after(REFRESH_SECONDS):
                async with trio.open_nursery() as nursery:
                    self._keep_all(
                        nursery, [Candidate(*split_address(text), PREFIX + name) for text in found]
                    )

    async def _rejoin(self) -> None:
        """While there are few peers, dial those met before, eight at once."""
        waits = self._waits()
        enough = min(FEW_PEERS, self._settings.target_peers)
        while True:
            await self._connections.wait_below(enough)
            missing = [
                Candidate(peer, address, NAME)
                for peer, address in self._known.all()
                if not self._connections.connected(peer)
            ]
            self._random.shuffle(missing)
            async with trio.open_nursery() as nursery:
                for candidate in missing[:PARALLEL_DIALS]:
                    nursery.start_soon(self._try, [candidate])
            if len(self._connections.peers()) >= enough:
                waits = self._waits()
            await trio.sleep(next(waits))

    async def _remember(self) -> None:
        saved = trio.current_time()
        while True:
            # Often, so that whoever was here for some seconds is remembered, too.
            await trio.sleep(NOTE_SECONDS)
            self._note_peers()
            if trio.current_time() - saved >= SAVE_SECONDS:
                saved = trio.current_time()
                await trio.to_thread.run_sync(self._known.save)

    def _note_peers(self) -> None:
        now = trio.current_time()
        connected = self._connections.peers()
        self._noted = {peer: self._noted[peer] for peer in connected if peer in self._noted}
        for peer in connected:
            if now - self._noted.get(peer, -math.inf) < NOTE_AGAIN_SECONDS:
                continue
            address = self._reached(peer)
            if address is not None:
                self._known.met(peer, address)
                self._noted[peer] = now

    async def _complain(self) -> None:
        """Say why nobody answers, now and then, in words; says nothing where nobody was expected."""
        first = wait = self._settings.dial_seconds + 1
        while self.has_sources:
            await self._connections.wait_below(1)
            with trio.move_on_after(wait) as alone:
                await self._connections.wait_joined()
            if not alone.cancelled_caught:
                wait = first
                continue
            log.warning("network.nobody_answers", reason=self._attempts.words())
            wait = min(max(wait * 2, COMPLAIN_SECONDS[0]), COMPLAIN_SECONDS[1])

    def _waits(self) -> "Waits":
        return Waits(*self._settings.redial_seconds, self._random)


class Waits:
    """Exponential back-off with jitter: seconds of each next wait, a quarter more or less."""

    def __init__(self, first: float, longest: float, chance: random.Random) -> None:
        self._next = first
        self._longest = longest
        self._random = chance

    def __next__(self) -> float:
        wait = self._next
        self._next = min(wait * 2, self._longest)
        return wait * self._random.uniform(0.75, 1.25)
