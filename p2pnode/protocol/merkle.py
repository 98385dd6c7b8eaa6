"""The Merkle tree of a batch: RFC 6962 section 2.1 with SHA-256.

A leaf is already the protocol's leaf hash (`journal.leaf`), so only inner nodes are hashed here. Promoting
an odd last node unchanged at every level gives RFC 6962's tree.
"""

import hashlib
from collections.abc import Sequence

from p2pnode.errors import ProtocolError


def root(leaves: Sequence[bytes]) -> bytes:
    """Tree hash of at least one leaf hash of 32 bytes."""
    level = _checked(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Siblings of leaf `index`, from the bottom up (RFC 6962 section 2.1.1)."""
    level = _checked(leaves)
    if not 0 <= index < len(level):
        raise ProtocolError(f"leaf index is {index}; give 0 to {len(level) - 1}")
    siblings = []
    while len(level) > 1:
        if index ^ 1 < len(level):
            siblings.append(level[index ^ 1])
        level = _parents(level)
        index >>= 1
    return tuple(siblings)


def root_from_path(leaf: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bytes:
    """The root that a path leads to. Raises ProtocolError if its length does not fit index and count."""
    if not 0 <= index < count:
        raise ProtocolError(f"leaf index is {index}; give 0 to {count - 1}")
    node, left = leaf, list(siblings)
    last = count - 1
    while last:
        if index & 1 or index < last:
            if not left:
                raise ProtocolError(f"Merkle path has {len(siblings)} siblings, too few for {count} leaves")
            sibling = left.pop(0)
            node = _inner(sibling, node) if index & 1 else _inner(node, sibling)
        index >>= 1
        last >>= 1
    if left:
        raise ProtocolError(f"Merkle path has {len(siblings)} siblings, {len(left)} too many")
    return node


def _parents(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_inner(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + list(level[len(pairs) * 2 :])


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _checked(leaves: Sequence[bytes]) -> list[bytes]:
    if not leaves:
        raise ProtocolError("a tree has no leaves; give at least one")
    return list(leaves)
