"""Blobs on disk: one file a blob, named by the hex of its SHA-256, written whole or not at all.

A fetch that was cut off leaves `<digest>.part`: the file at its full size, with holes where chunks are
missing. `<digest>.pin` marks a blob that is never thrown out to make room. Calls block; callers run them in a
thread.
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from p2pnode.errors import BlobError

log = structlog.get_logger("p2pnode.network")

CHUNK = 1 << 20
"""Bytes of one answer of `/p2pnode/blob/1`, and of what one hash of `/p2pnode/blob-hashes/1` covers."""
IN_USE_SECONDS = 600.0
"""A blob that was asked for within this time is not thrown out: someone is about to open its file."""
STALE_SECONDS = 7 * 86400
"""A partial that nobody went on with for so long is thrown out first."""
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A complete blob: its bytes, whether it stays, and the Unix time of its last use."""

    digest: bytes
    size: int
    pinned: bool
    used: float


class BlobStore:
    """The cache folder, of at most `quota` bytes once `make_room` was asked.

    Only `commit` and `put` make a blob visible, by an atomic rename.
    """

    def __init__(self, folder: Path, quota: int, now: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._quota = quota
        self._now = now

    def path(self, digest: bytes) -> Path:
        """Where the blob is, or would be."""
        return self._folder / digest.hex()

    def has(self, digest: bytes) -> bool:
        """Whether the blob is complete."""
        return self.path(digest).is_file()

    def digests(self) -> list[bytes]:
        """Every complete blob."""
        names = (path.name for path in self._folder.iterdir() if path.is_file())
        return [bytes.fromhex(name) for name in names if _NAME.fullmatch(name)]

    def kept(self) -> list[Kept]:
        """Every complete blob, the one used last first."""
        found = []
        for digest in self.digests():
            stat = self.path(digest).stat()
            found.append(Kept(digest, stat.st_size, self.pinned(digest), stat.st_mtime))
        return sorted(found, key=lambda blob: -blob.used)

    def remove(self, digest: bytes) -> int:
        """Delete the blob and what was fetched of it; the bytes set free. BlobError when it is pinned or
        not here."""
        if self.pinned(digest):
            raise BlobError(f"blob {digest.hex()} is pinned: unpin it first")
        paths = [path for path in (self.path(digest), self._partial(digest)) if path.is_file()]
        if not paths:
            raise BlobError(f"blob {digest.hex()} is not kept here")
        freed = sum(path.stat().st_size for path in paths)
        for path in paths:
            path.unlink()
        return freed

    def use(self, digest: bytes) -> int:
        """Note that the blob is wanted now; its size. BlobError when it is not here."""
        try:
            os.utime(self.path(digest), (self._now(), self._now()))
            return self.path(digest).stat().st_size
        except FileNotFoundError as error:
            raise BlobError(f"blob {digest.hex()} is not kept here") from error

    def put(self, data: bytes) -> bytes:
        """Keep `data` for good; returns its digest."""
        digest = hashlib.sha256(data).digest()
        if not self.has(digest):
            temporary = self._folder / f"{digest.hex()}.{secrets.token_hex(4)}.new"
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path(digest))
            finally:
                temporary.unlink(missing_ok=True)
        self.pin(digest)
        return digest

    def read(self, digest: bytes, offset: int, length: int) -> tuple[int, bytes]:
        """The blob's size, and at most `length` bytes from `offset` on. BlobError when it is not here."""
        try:
            with self.path(digest).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(min(offset, size))
                return size, file.read(length)
        except FileNotFoundError as error:
            raise BlobError(f"blob {digest.hex()} is not kept here") from error

    def hashes(self, digest: bytes) -> tuple[int, tuple[bytes, ...]]:
        """The blob's size, and the SHA-256 of each chunk. BlobError when it is not here."""
        size = self.use(digest)
        with self.path(digest).open("rb") as file:
            return size, tuple(
                hashlib.sha256(chunk).digest() for chunk in iter(lambda: file.read(CHUNK), b"")
            )

    def pin(self, digest: bytes) -> None:
        """Never throw the blob out. BlobError when it is not here."""
        if not self.has(digest):
            raise BlobError(f"blob {digest.hex()} is not kept here")
        self._pin(digest).touch()

    def unpin(self, digest: bytes) -> None:
        """Let the blob go when room is needed."""
        self._pin(digest).unlink(missing_ok=True)

    def pinned(self, digest: bytes) -> bool:
        """Whether the blob stays."""
        return self._pin(digest).exists()

    def used(self) -> int:
        """Bytes of all blobs and partials."""
        return sum(path.stat().st_size for path in self._files())

    def make_room(self, size: int, digest: bytes) -> list[bytes]:
        """Throw out what was used longest ago until `size` more bytes fit; the digests that went.

        `digest` names what the room is for; its own partial counts as room. BlobError when pinned and used
        blobs leave too little.
        """
        own = self._partial(digest)
        free = self._quota - sum(path.stat().st_size for path in self._files() if path != own)
        gone: list[bytes] = []
        for path, evictable in self._oldest_first():
            if free >= size:
                break
            if not evictable or path == own:
                continue
            free += path.stat().st_size
            path.unlink()
            if path.suffix != ".part":
                gone.append(bytes.fromhex(path.name))
            log.info("blob.thrown_out", name=path.name)
        if free < size:
            raise BlobError(
                f"no room for blob {digest.hex()} of {size} bytes: {self._quota} bytes are allowed and the "
                "rest is pinned or in use; raise network.blob_quota_mib"
            )
        return gone

    def begin(self, digest: bytes, size: int, hashes: Sequence[bytes]) -> set[int]:
        """Open a partial of `size` bytes; the chunks that an earlier fetch left there and that are right."""
        path = self._partial(digest)
        right = set()
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(size)
            for index, expected in enumerate(hashes):
                if hashlib.sha256(file.read(CHUNK)).digest() == expected:
                    right.add(index)
        return right

    def write(self, digest: bytes, index: int, data: bytes) -> None:
        """Write one chunk of the partial."""
        with self._partial(digest).open("r+b") as file:
            file.seek(index * CHUNK)
            file.write(data)

    def commit(self, digest: bytes) -> bool:
        """Make a complete partial the blob if it hashes to `digest`, else delete it; False then."""
        path = self._partial(digest)
        with path.open("r+b") as file:
            if hashlib.file_digest(file, "sha256").digest() != digest:
                path.unlink()
                return False
            os.fsync(file.fileno())
        path.replace(self.path(digest))
        self.use(digest)
        return True

    def _oldest_first(self) -> Iterator[tuple[Path, bool]]:
        """Files by the time of their last use, and whether they may go."""
        now = self._now()
        stats = [(path, path.stat().st_mtime) for path in self._files()]
        for path, used in sorted(stats, key=lambda item: item[1]):
            if path.suffix == ".part":
                yield path, now - used > STALE_SECONDS
            else:
                yield path, now - used > IN_USE_SECONDS and not self.pinned(bytes.fromhex(path.name))

    def _files(self) -> Iterator[Path]:
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name.removesuffix(".part")):
                yield path

    def _partial(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}.part"

    def _pin(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}.pin"
