"""Merkle root and paths against RFC 6962's recursive definition; the journal's bytes; CIDs."""

import hashlib
from collections.abc import Sequence

import pytest
from cid import make_cid  # type: ignore[import-untyped]

from p2pnode.errors import ProtocolError
from p2pnode.protocol import cid, journal, merkle

LEAVES = [hashlib.sha256(bytes([i])).digest() for i in range(40)]


def rfc6962(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + rfc6962(leaves[:split]) + rfc6962(leaves[split:])).digest()


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 40])
def test_root_and_every_path(count: int) -> None:
    leaves = LEAVES[:count]
    assert merkle.root(leaves) == rfc6962(leaves)
    for index in range(count):
        path = merkle.path(leaves, index)
        assert merkle.root_from_path(leaves[index], index, count, path) == merkle.root(leaves)
        stranger = hashlib.sha256(b"not a leaf").digest()
        assert merkle.root_from_path(stranger, index, count, path) != merkle.root(leaves)


def test_paths_of_the_wrong_length_or_place_are_refused() -> None:
    path = merkle.path(LEAVES[:5], 2)
    with pytest.raises(ProtocolError, match="1 too many"):
        merkle.root_from_path(LEAVES[2], 2, 5, (*path, LEAVES[0]))
    with pytest.raises(ProtocolError, match="too few for 5 leaves"):
        merkle.root_from_path(LEAVES[2], 2, 5, path[:-1])
    with pytest.raises(ProtocolError, match="leaf index is 5"):
        merkle.root_from_path(LEAVES[2], 5, 5, path)
    with pytest.raises(ProtocolError, match="leaf index is 5"):
        merkle.path(LEAVES[:5], 5)
    with pytest.raises(ProtocolError, match="no leaves"):
        merkle.root([])


def test_journal_bytes() -> None:
    made = journal.journal_of(LEAVES[:3])
    assert made.encode() == bytes.fromhex("0000000100000003") + rfc6962(LEAVES[:3])
    assert journal.parse(made.encode()) == made


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0" * 39, "39 bytes; give 40"),
        (bytes.fromhex("0000000200000001") + b"\0" * 32, "version is 2; give 1"),
        (bytes.fromhex("0000000100000000") + b"\0" * 32, "count is 0; give 1 to 1024"),
        (bytes.fromhex("0000000100000401") + b"\0" * 32, "count is 1025"),
    ],
)
def test_bad_journals_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        journal.parse(data)


def test_batch_size_is_bounded() -> None:
    with pytest.raises(ProtocolError, match="0 tasks"):
        journal.journal_of([])
    with pytest.raises(ProtocolError, match="1025 tasks"):
        journal.journal_of(LEAVES[:1] * 1025)


def test_cid_agrees_with_py_cid() -> None:
    digest = cid.content_digest(b"model")
    text = cid.to_cid(digest)
    assert text == make_cid(1, "raw", b"\x12\x20" + digest).encode("base32").decode()
    assert cid.from_cid(text) == digest


@pytest.mark.parametrize(
    "text", ["", "Qm" + "a" * 44, "bafybei" + "a" * 52, "bafkrei" + "1" * 52, "bafkrei" + "b" * 52, "z" * 59]
)
def test_other_cids_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="give a raw sha2-256 CIDv1"):
        cid.from_cid(text)


def test_upper_case_cid_is_refused() -> None:
    with pytest.raises(ProtocolError, match="CID is"):
        cid.from_cid(cid.to_cid(b"\1" * 32).upper())
