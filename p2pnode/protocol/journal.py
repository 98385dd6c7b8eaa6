"""The 40 bytes that the guest commits: `version u32be = 1 | count u32be | root[32]`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from p2pnode.errors import ProtocolError
from p2pnode.protocol import merkle

VERSION = 1
MAX_COUNT = 1024


@dataclass(frozen=True, slots=True)
class Journal:
    """Number of tasks in a batch and the Merkle root of their leaves."""

    count: int
    root: bytes

    def encode(self) -> bytes:
        """The journal's bytes."""
        return VERSION.to_bytes(4, "big") + self.count.to_bytes(4, "big") + self.root


def leaf(task_id: bytes, model_digest: bytes, input_digest: bytes, output_digest: bytes) -> bytes:
    """Leaf hash of one task."""
    return hashlib.sha256(b"\x00" + task_id + model_digest + input_digest + output_digest).digest()


def journal_of(leaves: Sequence[bytes]) -> Journal:
    """Journal of a batch in order. Raises ProtocolError unless it has 1 to 1024 leaves."""
    if not 1 <= len(leaves) <= MAX_COUNT:
        raise ProtocolError(f"batch has {len(leaves)} tasks; give 1 to {MAX_COUNT}")
    return Journal(len(leaves), merkle.root(leaves))


def parse(data: bytes) -> Journal:
    """Read a journal. Raises ProtocolError."""
    if len(data) != 40:
        raise ProtocolError(f"journal has {len(data)} bytes; give 40")
    version, count = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    if version != VERSION:
        raise ProtocolError(f"journal version is {version}; give {VERSION}")
    if not 1 <= count <= MAX_COUNT:
        raise ProtocolError(f"journal count is {count}; give 1 to {MAX_COUNT}")
    return Journal(count, data[8:])
