"""Fetching one blob from several peers at once, each chunk checked when it arrives.

The SHA-256 of the whole says nothing of a part of it, so each peer first says what every chunk hashes to
(`Description`). Peers that say the same form a group; a chunk that does not hash to what its group said is
refused on the spot and costs the peer that sent it. The whole decides in the end: when it does not hash to
the digest although every chunk was as described, everyone in the group has lied, and the next group is tried.
A liar therefore can neither spoil the bytes of honest peers nor get them blamed.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
import trio

from p2pnode.errors import BlobError, NetworkError, RemoteError
from p2pnode.network.blob_store import CHUNK, BlobStore
from p2pnode.network.reputation import Offence

log = structlog.get_logger("p2pnode.network")

SOURCES = 6
"""Peers fetched from at once."""
PER_PEER = 4
"""Chunks on their way from one peer: each stream brings one window, 256 KiB, in a round trip."""
STUMBLES = PER_PEER
"""Requests of one peer that may break off before it is given up: those of a connection break together."""
GRACE_SECONDS = 1.0
"""After the first peer has described the blob, the others have this long to."""
SLOW_SECONDS = 5.0
"""A chunk that takes longer is also asked of another peer, one that has nothing else to do."""

Describe = Callable[[str], Awaitable["Description"]]
"""What a peer says of the blob; NetworkError."""
GetChunk = Callable[[str, int], Awaitable[tuple[int, bytes]]]
"""A chunk of a peer by its index: (size it tells, bytes); NetworkError."""
MakeRoom = Callable[[int], Awaitable[None]]
"""Makes room for so many bytes; BlobError."""


class WrongBytes(BlobError):
    """A peer served or said something that cannot be true of the blob."""


@dataclass(frozen=True, slots=True)
class Description:
    """A blob's size in bytes and the SHA-256 of each of its chunks, as a peer says."""

    size: int
    hashes: tuple[bytes, ...]

    def check(self, digest: bytes, max_size: int) -> None:
        """BlobError when it is over the cap, WrongBytes when it contradicts itself or the digest."""
        if self.size > max_size:
            raise BlobError(f"blob {digest.hex()} has {self.size} bytes, {max_size} allowed")
        whole = (digest,) if self.size <= CHUNK else self.hashes
        if len(self.hashes) != max(1, -(-self.size // CHUNK)) or self.hashes != whole:
            raise WrongBytes(f"its description of blob {digest.hex()} contradicts itself")


class Fetch:
    """One attempt to complete `digest`. `failures` collects what went wrong by peer."""

    def __init__(
        self,
        digest: bytes,
        max_size: int,
        store: BlobStore,
        describe: Describe,
        get_chunk: GetChunk,
        make_room: MakeRoom,
        on_offence: Callable[[str, Offence], None],
        failures: dict[str, str],
    ) -> None:
        self._digest = digest
        self._max_size = max_size
        self._store = store
        self._describe = describe
        self._get_chunk = get_chunk
        self._make_room = make_room
        self._on_offence = on_offence
        self._failures = failures
        self._stumbles: Counter[str] = Counter()

    async def run(self, peers: Sequence[str]) -> bool:
        """Fetch from `peers`, six at a time; True once the blob is complete and committed."""
        for start in range(0, len(peers), SOURCES):
            groups = await self._groups(peers[start : start + SOURCES])
            for description, members in sorted(groups.items(), key=lambda item: -len(item[1])):
                await self._make_room(description.size)
                if await self._from_group(description, members):
                    return True
        return False

    async def _groups(self, peers: Sequence[str]) -> dict[Description, list[str]]:
        """Peers by what they say of the blob; those that say nothing, or nonsense, are in `failures`."""
        groups: dict[Description, list[str]] = {}
        first, answered = trio.Event(), 0

        async def ask(peer: str) -> None:
            nonlocal answered
            try:
                description = await self._describe(peer)
                description.check(self._digest, self._max_size)
                groups.setdefault(description, []).append(peer)
                first.set()
            except NetworkError as error:
                self._failed(peer, error)
            answered += 1
            if answered == len(peers):
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for peer in peers:
                nursery.start_soon(ask, peer)
            await first.wait()
            await trio.sleep(GRACE_SECONDS)
            nursery.cancel_scope.cancel()
        return groups

    async def _from_group(self, description: Description, members: Sequence[str]) -> bool:
        have = await trio.to_thread.run_sync(
            self._store.begin, self._digest, description.size, description.hashes
        )
        chunks = _Chunks([index for index in range(len(description.hashes)) if index not in have])
        async with trio.open_nursery() as nursery:
            for peer in members:
                for _ in range(PER_PEER):
                    nursery.start_soon(self._work, peer, description, chunks)
        if not chunks.complete:
            return False
        if await trio.to_thread.run_sync(self._store.commit, self._digest):
            return True
        for peer in members:
            self._failed(peer, WrongBytes(f"what it described does not hash to {self._digest.hex()}"))
        return False

    async def _work(self, peer: str, description: Description, chunks: "_Chunks") -> None:
        """Fetch chunk after chunk from one peer until all are there or the peer has failed."""
        while peer not in self._failures and not chunks.complete:
            index = chunks.take()
            if index is None:
                with trio.move_on_after(SLOW_SECONDS):
                    await chunks.wait_changed()
                    continue
                index = chunks.slow(peer)
                if index is None:
                    continue
            try:
                with chunks.fetching(index, peer) as scope:
                    data = await self._checked(peer, description, index)
                if scope.cancelled_caught or chunks.has(index):
                    continue
                await trio.to_thread.run_sync(self._store.write, self._digest, index, data)
            except NetworkError as error:
                chunks.put_back(index, peer)
                self._stumbles[peer] += 1
                # A stream that broke says little; a refusal or wrong bytes say all.
                if isinstance(error, BlobError | RemoteError) or self._stumbles[peer] > STUMBLES:
                    self._failed(peer, error)
            except BaseException:
                chunks.put_back(index, peer)
                raise
            else:
                chunks.finish(index)

    async def _checked(self, peer: str, description: Description, index: int) -> bytes:
        told, data = await self._get_chunk(peer, index)
        if told != description.size:
            raise WrongBytes(f"it contradicts itself about the size of blob {self._digest.hex()}")
        if hashlib.sha256(data).digest() != description.hashes[index]:
            raise WrongBytes(f"chunk {index} of blob {self._digest.hex()} is not what it described")
        return data

    def _failed(self, peer: str, error: NetworkError) -> None:
        if peer in self._failures:
            return
        self._failures[peer] = str(error)
        log.info("blob.peer_failed", digest=self._digest.hex(), peer=peer, error=str(error))
        if isinstance(error, WrongBytes):
            self._on_offence(peer, Offence.WRONG_BYTES)


class _Chunks:
    """Which chunks are missing, on their way, and done."""

    def __init__(self, missing: Sequence[int]) -> None:
        self._missing = deque(missing)
        self._open = set(missing)
        self._asked: dict[int, dict[str, trio.CancelScope]] = {}
        self._since: dict[int, float] = {}
        self._changed = trio.Event()

    @property
    def complete(self) -> bool:
        return not self._open

    def has(self, index: int) -> bool:
        return index not in self._open

    def take(self) -> int | None:
        """A chunk to fetch; None when all that are missing are on their way."""
        return self._missing.popleft() if self._missing else None

    def fetching(self, index: int, peer: str) -> trio.CancelScope:
        """A scope for fetching a chunk from `peer`, cancelled when another peer has brought it."""
        scope = trio.CancelScope()
        self._asked.setdefault(index, {})[peer] = scope
        self._since[index] = trio.current_time()
        return scope

    def slow(self, peer: str) -> int | None:
        """A chunk that others have kept waiting and `peer` was not asked for; None when there is none."""
        latest = trio.current_time() - SLOW_SECONDS
        for index, asked in self._asked.items():
            if peer not in asked and self._since[index] <= latest:
                return index
        return None

    def put_back(self, index: int, peer: str) -> None:
        """The chunk did not come from `peer`."""
        asked = self._asked.get(index, {})
        asked.pop(peer, None)
        if not asked:
            self._asked.pop(index, None)
            if index in self._open and index not in self._missing:
                self._missing.append(index)
        self._notify()

    def finish(self, index: int) -> None:
        """The chunk is written."""
        self._open.discard(index)
        for scope in self._asked.pop(index, {}).values():
            scope.cancel()
        self._notify()

    async def wait_changed(self) -> None:
        """Return when a chunk is done or has come back."""
        await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
