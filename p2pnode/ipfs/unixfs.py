"""The CID that IPFS gives a file, without an IPFS node.

A CID depends on how the file was cut and arranged, so each is of a profile. The two of IPIP-499 are what Kubo
calls unixfs-v0-2015 and unixfs-v1-2025; `KUBO_V1` is `ipfs add --cid-version=1` as it was in between.
Arrangement is Kubo's balanced layout: leaves under nodes of at most `max_links`, level upon level, until one
node is left.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from p2pnode.ipfs.blocks import DAG_PB, RAW, Cid, FileNode, Link, encode_node


@dataclass(frozen=True, slots=True)
class Profile:
    """How a file is cut (`chunk_size` bytes) and arranged, and how its blocks are named."""

    cid_version: int
    raw_leaves: bool
    chunk_size: int
    max_links: int


V0_2015 = Profile(cid_version=0, raw_leaves=False, chunk_size=256 << 10, max_links=174)
KUBO_V1 = Profile(cid_version=1, raw_leaves=True, chunk_size=256 << 10, max_links=174)
V1_2025 = Profile(cid_version=1, raw_leaves=True, chunk_size=1 << 20, max_links=1024)
PROFILES: Mapping[str, Profile] = {
    "unixfs-v0-2015": V0_2015,
    "kubo-v1": KUBO_V1,
    "unixfs-v1-2025": V1_2025,
}


@dataclass(frozen=True, slots=True)
class _Tree:
    """A finished subtree: its CID, bytes of its blocks, bytes of the file in it."""

    cid: Cid
    tree_size: int
    file_size: int


def file_cid(path: Path, profile: Profile) -> str:
    """CID of a file under `profile`. Blocks; reads the file once."""
    with path.open("rb") as file:
        return cid_of_chunks(iter(lambda: file.read(profile.chunk_size), b""), profile)


def cid_of_chunks(chunks: Iterable[bytes], profile: Profile) -> str:
    """CID of the file that `chunks` make up; each but the last has `chunk_size` bytes."""
    level = [_leaf(chunk, profile) for chunk in chunks] or [_leaf(b"", profile)]
    while len(level) > 1:
        level = [_node(children, profile) for children in _groups(level, profile.max_links)]
    return str(level[0].cid)


def _groups(trees: list[_Tree], size: int) -> Iterator[list[_Tree]]:
    for start in range(0, len(trees), size):
        yield trees[start : start + size]


def _leaf(chunk: bytes, profile: Profile) -> _Tree:
    block = chunk if profile.raw_leaves else encode_node(FileNode(chunk, (), ()))
    codec = RAW if profile.raw_leaves else DAG_PB
    version = 1 if profile.raw_leaves else profile.cid_version
    return _Tree(Cid.of(block, codec, version), len(block), len(chunk))


def _node(children: list[_Tree], profile: Profile) -> _Tree:
    links = tuple(Link(child.cid.binary, child.tree_size) for child in children)
    block = encode_node(FileNode(b"", links, tuple(child.file_size for child in children)))
    return _Tree(
        Cid.of(block, DAG_PB, profile.cid_version),
        len(block) + sum(child.tree_size for child in children),
        sum(child.file_size for child in children),
    )
