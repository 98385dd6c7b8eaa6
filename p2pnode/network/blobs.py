"""Content by SHA-256 digest over `/p2pnode/blob/1`: ranged, resumable, checked, from whoever has it.

Request: `digest 32 | offset u64be | length u32be`, length at most 1 MiB. Answer: `size u64be | bytes`.
The size comes with the first bytes, so a blob over the cap costs one answer and no more.
"""

import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog
import trio

from p2pnode.errors import BlobError, NetworkError, ProtocolError
from p2pnode.network.blob_store import BlobStore
from p2pnode.network.directory import Directory
from p2pnode.network.reputation import Offence
from p2pnode.network.streams import Streams
from p2pnode.ports import StreamProtocol

log = structlog.get_logger("p2pnode.network")

CHUNK = 1 << 20
CHUNK_SECONDS = 30.0
REQUEST = struct.Struct(">32sQI")
SIZE = struct.Struct(">Q")
NEIGHBOURS = 8
"""Connected peers asked when nobody else has the blob: the DHT may not know it yet."""


Source = Callable[[bytes], Awaitable[Sequence[str]]]


class _WrongBytes(BlobError):
    """A peer served something else than what hashes to the digest."""


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
        streams.serve(StreamProtocol.BLOB, self._serve, max_request=REQUEST.size)
        for digest in store.digests():
            directory.provide(digest)

    def has(self, digest: bytes) -> bool:
        """Whether the content is here, whole."""
        return self._store.has(digest)

    async def put(self, data: bytes) -> bytes:
        """Keep `data`, serve it, announce it; returns its digest."""
        digest = await trio.to_thread.run_sync(self._store.put, data)
        self._directory.provide(digest)
        return digest

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
            path = self._store.path(digest)
            if path.stat().st_size > max_size:
                raise BlobError(f"blob {digest.hex()} has {path.stat().st_size} bytes, {max_size} allowed")
            return path
        failures: dict[str, str] = {}
        for source in (self._given(peers), self._from_directory, self._from_neighbours):
            for peer in await source(digest):
                if peer in failures:
                    continue
                try:
                    await self._fetch(digest, max_size, peer)
                except NetworkError as error:
                    failures[peer] = str(error)
                    log.info("blob.peer_failed", digest=digest.hex(), peer=peer, error=str(error))
                    continue
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

    async def _fetch(self, digest: bytes, max_size: int, peer: str) -> None:
        """Fetch all of it from `peer`, going on where an earlier peer stopped.

        When the whole does not hash to the digest, bytes of an earlier peer may be the wrong ones, so this
        peer gets a second try from the start before it is blamed.
        """
        resumed = await trio.to_thread.run_sync(self._store.partial_size, digest)
        try:
            await self._stream(digest, max_size, peer, resumed)
        except _WrongBytes:
            await trio.to_thread.run_sync(self._store.drop_partial, digest)
            if not resumed:
                self._on_offence(peer, Offence.WRONG_BYTES)
                raise
            await self._fetch(digest, max_size, peer)

    async def _stream(self, digest: bytes, max_size: int, peer: str, offset: int) -> None:
        size: int | None = None
        while size is None or offset < size:
            answer = await self._streams.request(
                peer,
                StreamProtocol.BLOB,
                REQUEST.pack(digest, offset, CHUNK),
                timeout=CHUNK_SECONDS,
                max_response=SIZE.size + CHUNK,
            )
            told, data = _parse(answer)
            if told > max_size:
                raise BlobError(f"blob {digest.hex()} has {told} bytes at {peer}, {max_size} allowed")
            if size is None:
                size = told
            if told != size or offset + len(data) > size or (not data and offset < size):
                raise _WrongBytes(f"peer {peer} contradicts itself about blob {digest.hex()}")
            if data:
                await trio.to_thread.run_sync(self._store.append, digest, offset, data)
            offset += len(data)
        if not await trio.to_thread.run_sync(self._store.commit, digest):
            raise _WrongBytes(f"bytes from peer {peer} do not hash to {digest.hex()}")

    async def _serve(self, peer: str, request: bytes) -> bytes:
        if len(request) != REQUEST.size:
            raise ProtocolError(f"a blob request has {REQUEST.size} bytes, this one has {len(request)}")
        digest, offset, length = REQUEST.unpack(request)
        if length > CHUNK:
            raise ProtocolError(f"a blob request is for at most {CHUNK} bytes, this one asks for {length}")
        size, data = await trio.to_thread.run_sync(self._store.read, digest, offset, length)
        return SIZE.pack(size) + data


def _parse(answer: bytes) -> tuple[int, bytes]:
    if len(answer) < SIZE.size:
        raise _WrongBytes("blob answer is shorter than its size field")
    return SIZE.unpack_from(answer)[0], answer[SIZE.size :]
