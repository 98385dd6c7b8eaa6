"""Blobs on disk: one file a blob, named by the hex of its SHA-256, written whole or not at all.

A fetch that was cut off leaves `<digest>.part`, which the next fetch continues. Calls block; callers run
them in a thread.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path

from p2pnode.errors import BlobError

_NAME = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """The cache folder. Only `commit` and `put` make a blob visible, by an atomic rename."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

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

    def put(self, data: bytes) -> bytes:
        """Keep `data`; returns its digest."""
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

    def partial_size(self, digest: bytes) -> int:
        """Bytes that an earlier fetch has left."""
        try:
            return self._partial(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, digest: bytes, offset: int, data: bytes) -> None:
        """Add `data` at `offset`, which is the partial's size."""
        path = self._partial(digest)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.seek(offset)
            file.write(data)
            file.truncate()

    def commit(self, digest: bytes) -> bool:
        """Make a complete partial the blob if it hashes to `digest`, else delete it; False then."""
        path = self._partial(digest)
        if not path.exists():
            path.touch()
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != digest:
                path.unlink()
                return False
            os.fsync(file.fileno())
        path.replace(self.path(digest))
        return True

    def drop_partial(self, digest: bytes) -> None:
        """Forget what an earlier fetch has left."""
        self._partial(digest).unlink(missing_ok=True)

    def _partial(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}.part"
