"""Blocks of a file in IPFS: CIDs, dag-pb nodes and the UnixFS data in them.

Sources: the CID specification (multiformats), dag-pb (ipld.io/specs/codecs/dag-pb) and UnixFS
(specs.ipfs.tech/unixfs). Protobuf is written by hand, since the CID depends on every byte: dag-pb has the
links in front of the data, whatever the field numbers say. CIDs too: py-cid takes bytes for base58 text where
it can, and writes version 1 in base58.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import base58

from p2pnode.errors import ProtocolError

RAW, DAG_PB = 0x55, 0x70
"""Codes of the multicodec table."""
MAX_BLOCK = 2 << 20
"""What Kubo's bitswap moves at most, and therefore what a block may have."""
_SHA2_256 = b"\x12\x20"
_VARINT, _BYTES = 0, 2
_FILE, _RAW_LEAF = 2, 0


@dataclass(frozen=True, slots=True)
class Cid:
    """A CID of a file's block: by SHA-256, codec raw or dag-pb, version 0 or 1."""

    version: int
    codec: int
    digest: bytes

    @property
    def binary(self) -> bytes:
        """As it stands in a link."""
        prefix = b"" if self.version == 0 else bytes([1, self.codec])
        return prefix + _SHA2_256 + self.digest

    def __str__(self) -> str:
        if self.version == 0:
            return base58.b58encode(self.binary).decode()
        return "b" + base64.b32encode(self.binary).decode().lower().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cid":
        """A CID as people write it, `Qm...` or `baf...`. ProtocolError says what is wrong."""
        try:
            if len(text) == 46 and text.startswith("Qm"):
                return cls.from_binary(base58.b58decode(text))
            if not text.startswith("b") or text != text.lower():
                raise ValueError("write it in base32, baf..., or as Qm...")
            return cls.from_binary(base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8)))
        except (ValueError, binascii.Error) as error:
            raise ProtocolError(f"{text!r:.100} is no CID: {error}") from error

    @classmethod
    def from_binary(cls, data: bytes) -> "Cid":
        """A CID in binary. ProtocolError for one that is not of a file's block by SHA-256."""
        if len(data) == 34 and data[:2] == _SHA2_256:
            return cls(0, DAG_PB, data[2:])
        if len(data) != 36 or data[0] != 1 or data[1] not in (RAW, DAG_PB) or data[2:4] != _SHA2_256:
            raise ProtocolError(
                f"CID {data[:48].hex()} is none of a file's block: raw or dag-pb, by SHA-256 of 32 bytes"
            )
        return cls(1, data[1], data[4:])

    @classmethod
    def of(cls, block: bytes, codec: int, version: int) -> "Cid":
        """The CID of a block."""
        return cls(version, codec, hashlib.sha256(block).digest())

    def check(self, block: bytes) -> None:
        """ProtocolError unless `block` hashes to this CID."""
        if len(block) > MAX_BLOCK or hashlib.sha256(block).digest() != self.digest:
            raise ProtocolError(f"the block served for {self} does not hash to it")


@dataclass(frozen=True, slots=True)
class Link:
    """A child of a node: its CID in binary, and the bytes of the whole tree below it (Tsize)."""

    cid: bytes
    tree_size: int


@dataclass(frozen=True, slots=True)
class FileNode:
    """A dag-pb node of a file: bytes of its own, or children with the file bytes below each."""

    data: bytes
    links: tuple[Link, ...]
    block_sizes: tuple[int, ...]

    @property
    def file_size(self) -> int:
        """Bytes of the file below this node."""
        return len(self.data) + sum(self.block_sizes)


def encode_node(node: FileNode) -> bytes:
    """A dag-pb node with UnixFS data of type File, as Kubo writes it."""
    unixfs = _field(1, _FILE)
    if node.data:
        unixfs += _field(2, node.data)
    unixfs += _field(3, node.file_size) + b"".join(_field(4, size) for size in node.block_sizes)
    links = (_field(1, link.cid) + _field(2, b"") + _field(3, link.tree_size) for link in node.links)
    return b"".join(_field(2, link) for link in links) + _field(1, unixfs)


def decode_node(block: bytes) -> FileNode:
    """A node of a file. ProtocolError for anything else: a directory, a symlink, bytes that are no node."""
    links: list[Link] = []
    unixfs: bytes | None = None
    for number, value in _fields(block):
        if number == 2 and isinstance(value, bytes):
            links.append(_link(value))
        elif number == 1 and isinstance(value, bytes) and unixfs is None:
            unixfs = value
        else:
            raise ProtocolError(f"a dag-pb node has no field {number} like this")
    if unixfs is None:
        raise ProtocolError("a dag-pb node without data is no part of a file")
    kind, data, sizes = _unixfs(unixfs)
    if kind not in (_FILE, _RAW_LEAF):
        raise ProtocolError(f"UnixFS type {kind} is no file; give the CID of a file, not of its folder")
    if len(sizes) != len(links):
        raise ProtocolError(f"a file node has {len(links)} links and {len(sizes)} sizes")
    return FileNode(data, tuple(links), sizes)


def _link(encoded: bytes) -> Link:
    fields = dict(_fields(encoded))
    cid, tree_size = fields.get(1), fields.get(3, 0)
    if not isinstance(cid, bytes) or not isinstance(tree_size, int):
        raise ProtocolError("a dag-pb link has no hash")
    return Link(cid, tree_size)


def _unixfs(encoded: bytes) -> tuple[int, bytes, tuple[int, ...]]:
    kind, data, told, sizes = -1, b"", 0, []
    for number, value in _fields(encoded):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and isinstance(value, bytes):
            data = value
        elif number == 3 and isinstance(value, int):
            told = value
        elif number == 4:
            sizes += [value] if isinstance(value, int) else list(_varints(value))
    if kind in (_FILE, _RAW_LEAF) and told != len(data) + sum(sizes):
        raise ProtocolError("a file node's size is not that of its parts")
    return kind, data, tuple(sizes)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a protobuf message that has only varints and byte strings."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value, at = _read_varint(data, at)
        if tag & 7 == _BYTES:
            if at + value > len(data):
                raise ProtocolError("a protobuf field ends after its message")
            yield tag >> 3, data[at : at + value]
            at += value
        elif tag & 7 == _VARINT:
            yield tag >> 3, value
        else:
            raise ProtocolError(f"a protobuf field of wire type {tag & 7} is not used here")


def _varints(data: Sequence[int]) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _read_varint(bytes(data), at)
        yield value


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise ProtocolError("a protobuf number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ProtocolError("a protobuf number is over 64 bits")
