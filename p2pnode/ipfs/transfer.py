"""Files by CID: fetched block by block with each one checked, and added to one's own IPFS node."""

from collections.abc import Callable
from pathlib import Path

from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.ipfs.blocks import RAW, Cid, Link, decode_node
from p2pnode.ipfs.sources import BlockSource, Kubo
from p2pnode.ipfs.unixfs import Profile, file_cid

MAX_DEPTH = 16
"""Levels of a file's tree; 16 of even two links each would be more blocks than any file here has."""


def import_file(source: BlockSource, cid: str, max_size: int, write: Callable[[bytes], object]) -> int:
    """Fetch a file and `write` it piece by piece in order; its size. Blocks.

    Each block is hashed against the CID that names it before a byte of it is written, so what has been
    written is right whatever becomes of the rest. ProtocolError when the CID is no file's, or a block is
    wrong or says something else than its parent; NetworkError when it cannot be had or is over `max_size`.
    """
    root = Cid.parse(cid)
    written = 0

    def fetch(at: Cid, expected: int | None, depth: int) -> None:
        nonlocal written
        if depth > MAX_DEPTH:
            raise ProtocolError(f"the tree of {cid} is more than {MAX_DEPTH} levels deep")
        block = source.block(at)
        at.check(block)
        children: list[tuple[Link, int]] = []
        if at.codec == RAW:
            data, size = block, len(block)
        else:
            node = decode_node(block)
            data, size = node.data, node.file_size
            children = list(zip(node.links, node.block_sizes, strict=True))
        if expected is not None and size != expected:
            raise ProtocolError(f"block {at} holds {size} bytes of the file, its parent says {expected}")
        if written + size > max_size:
            raise NetworkError(f"{cid} has at least {written + size} bytes, {max_size} allowed")
        write(data)
        written += len(data)
        for link, below in children:
            fetch(Cid.from_binary(link.cid), below, depth + 1)

    fetch(root, None, 1)
    return written


def export_file(kubo: Kubo, path: Path, profile: Profile) -> str:
    """Add a file to an IPFS node and pin it there; its CID. Blocks.

    ProtocolError when the node names it otherwise than `profile` does, which an older Kubo does for a
    profile that it does not know.
    """
    expected = file_cid(path, profile)
    told = kubo.add(path.name, path.read_bytes(), profile)
    if told != expected:
        raise ProtocolError(f"the IPFS node added {path} as {told}, not as {expected}: update it")
    return told
