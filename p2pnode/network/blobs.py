"""Content by SHA-256 digest: ranged, resumable, checked, from several peers that have it.

`/p2pnode/blob-hashes/1`: the digest; answer `size u64be | SHA-256 of each MiB`, of an empty blob that of
nothing. `/p2pnode/blob/1`: `digest 32 | offset u64be | length u32be`, length at most 1 MiB; answer
`size u64be | bytes`. The size comes first, so a blob over the cap costs one short answer and no more.
"""

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import structlog
import trio

from p2pnode.errors import BlobError, ProtocolError
from p2pnode.network.blob_fetch import Description, Fetch, WrongBytes
from p2pnode.network.blob_store import CHUNK, BlobStore
from p2pnode.network.directory import Directory
from p2pnode.network.reputation import Offence
from p2pnode.network.streams import Streams
from p2pnode.ports import StreamProtocol

log = structlog.get_logger("p2pnode.network")

HASHES = "/p2pnode/blob-hashes/1"
CHUNK_SECONDS = 30.0
MAX_CHUNKS = 4096
"""Of one blob, which therefore has at most 4 GiB."""
MAX_DESCRIBED = 256
"""Descriptions kept in memory; making one reads the whole blob."""
EMPTY = hashlib.sha256().digest()
REQUEST = struct.Struct(">32sQI")
SIZE = struct.Struct(">Q")
NEIGHBOURS = 8
"""Connected peers asked when nobody else has the blob: the DHT may not know it yet."""


Source = Callable[[bytes], Awaitable[Sequence[str]]]


class PeerBlobs:
    """The port `Blobs`. Two fetches of one digest run one after the other and share the result."""

    def __init__(
        self,
        store: BlobStore,
        streams: Streams,
        directory: Directory,
        neighbours: Callable[[], Sequence[str]],
        on_offence: Callable[[str, Offence], None],
    ) -> None:
        self._store = store
        self._streams = streams
        self._directory = directory
        self._neighbours = neighbours
        self._on_offence = on_offence
        self._fetching: dict[bytes, trio.Lock] = {}
        self._described: OrderedDict[bytes, bytes] = OrderedDict()
        streams.serve(HASHES, self._serve_hashes, max_request=32)
        streams.serve(StreamProtocol.BLOB, self._serve, max_request=REQUEST.size)
        for digest in store.digests():
            directory.provide(digest)

    def has(self, digest: bytes) -> bool:
        """Whether the content is here, whole."""
        return self._store.has(digest)

    async def put(self, data: bytes) -> bytes:
        """Keep `data` for good, serve it, announce it; its digest. BlobError when there is no room."""
        await self._make_room(hashlib.sha256(data).digest(), len(data))
        digest = await trio.to_thread.run_sync(self._store.put, data)
        self._directory.provide(digest)
        return digest

    async def pin(self, digest: bytes) -> None:
        """Never throw out a blob that is here."""
        await trio.to_thread.run_sync(self._store.pin, digest)

    async def unpin(self, digest: bytes) -> None:
        """Let a blob go when room is needed."""
        await trio.to_thread.run_sync(self._store.unpin, digest)

    async def get(self, digest: bytes, *, max_size: int, peers: Sequence[str] = ()) -> Path:
        """Path of the content: cache, then `peers`, then the DHT's providers, then connected peers."""
        if len(digest) != 32:
            raise BlobError(f"a digest has 32 bytes, {digest.hex()!r} has {len(digest)}")
        lock = self._fetching.setdefault(digest, trio.Lock())
        try:
            async with lock:
                return await self._get(digest, max_size, peers)
        finally:
            if not lock.locked():
                self._fetching.pop(digest, None)

    async def _get(self, digest: bytes, max_size: int, peers: Sequence[str]) -> Path:
        if self.has(digest):
            size = await trio.to_thread.run_sync(self._store.use, digest)
            if size > max_size:
                raise BlobError(f"blob {digest.hex()} has {size} bytes, {max_size} allowed")
            return self._store.path(digest)
        failures: dict[str, str] = {}
        fetch = Fetch(
            digest,
            max_size,
            self._store,
            partial(self._describe, digest),
            partial(self._chunk, digest),
            partial(self._make_room, digest),
            self._on_offence,
            failures,
        )
        for source in (self._given(peers), self._from_directory, self._from_neighbours):
            fresh = [peer for peer in dict.fromkeys(await source(digest)) if peer not in failures]
            if fresh and await fetch.run(fresh):
                self._directory.provide(digest)
                return self._store.path(digest)
        if not failures:
            raise BlobError(f"blob {digest.hex()}: no peer is known to have it")
        reasons = "; ".join(f"{peer}: {reason}" for peer, reason in failures.items())
        raise BlobError(f"blob {digest.hex()} could not be fetched from {len(failures)} peers: {reasons}")

    def _given(self, peers: Sequence[str]) -> Source:
        async def source(digest: bytes) -> Sequence[str]:
            return peers

        return source

    async def _from_directory(self, digest: bytes) -> Sequence[str]:
        return await self._directory.find(digest)

    async def _from_neighbours(self, digest: bytes) -> Sequence[str]:
        return self._neighbours()[:NEIGHBOURS]

    async def _describe(self, digest: bytes, peer: str) -> Description:
        answer = await self._streams.request(
            peer, HASHES, digest, timeout=CHUNK_SECONDS, max_response=SIZE.size + 32 * MAX_CHUNKS
        )
        size, hashes = _parse(answer)
        if len(hashes) % 32:
            raise WrongBytes(f"its description of blob {digest.hex()} ends in mid-hash")
        return Description(size, tuple(hashes[i : i + 32] for i in range(0, len(hashes), 32)))

    async def _chunk(self, digest: bytes, peer: str, index: int) -> tuple[int, bytes]:
        request = REQUEST.pack(digest, index * CHUNK, CHUNK)
        answer = await self._streams.request(
            peer, StreamProtocol.BLOB, request, timeout=CHUNK_SECONDS, max_response=SIZE.size + CHUNK
        )
        return _parse(answer)

    async def _make_room(self, digest: bytes, size: int) -> None:
        for gone in await trio.to_thread.run_sync(self._store.make_room, size, digest):
            self._directory.forget(gone)

    async def _serve(self, peer: str, request: bytes) -> bytes:
        if len(request) != REQUEST.size:
            raise ProtocolError(f"a blob request has {REQUEST.size} bytes, this one has {len(request)}")
        digest, offset, length = REQUEST.unpack(request)
        if length > CHUNK:
            raise ProtocolError(f"a blob request is for at most {CHUNK} bytes, this one asks for {length}")
        with self._told_when_gone(digest):
            size, data = await trio.to_thread.run_sync(self._store.read, digest, offset, length)
        return SIZE.pack(size) + data

    async def _serve_hashes(self, peer: str, request: bytes) -> bytes:
        if len(request) != 32:
            raise ProtocolError(f"a digest has 32 bytes, this one has {len(request)}")
        with self._told_when_gone(request):
            if request not in self._described:
                size, hashes = await trio.to_thread.run_sync(self._store.hashes, request)
                if len(self._described) >= MAX_DESCRIBED:
                    self._described.popitem(last=False)
                self._described[request] = SIZE.pack(size) + b"".join(hashes or (EMPTY,))
            else:
                await trio.to_thread.run_sync(self._store.use, request)
            return self._described[request]

    @contextmanager
    def _told_when_gone(self, digest: bytes) -> Iterator[None]:
        """Stop announcing what is not here any more: an operator may remove it while the node runs."""
        try:
            yield
        except BlobError:
            self._directory.forget(digest)
            raise


def _parse(answer: bytes) -> tuple[int, bytes]:
    if len(answer) < SIZE.size:
        raise WrongBytes("blob answer is shorter than its size field")
    return SIZE.unpack_from(answer)[0], answer[SIZE.size :]
