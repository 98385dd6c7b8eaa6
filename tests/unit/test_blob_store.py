"""The cache folder of content: what is kept, what is thrown out, what becomes of parts."""

import hashlib
import time
from pathlib import Path

import pytest

from p2pnode.errors import BlobError
from p2pnode.network.blob_store import CHUNK, IN_USE_SECONDS, STALE_SECONDS, BlobStore


def test_blob_store(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", 1000)
    digest = hashlib.sha256(b"content").digest()
    assert not store.has(digest)
    for missing in (
        lambda: store.read(digest, 0, 10),
        lambda: store.pin(digest),
        lambda: store.hashes(digest),
    ):
        with pytest.raises(BlobError, match="not kept here"):
            missing()
    assert store.put(b"content") == digest
    assert store.put(b"content") == digest
    assert store.pinned(digest)
    assert store.read(digest, 2, 3) == (7, b"nte")
    assert store.read(digest, 100, 3) == (7, b"")
    assert store.hashes(digest) == (7, (digest,))
    assert store.digests() == [digest]
    (tmp_path / "blobs" / "stranger.txt").touch()
    assert store.digests() == [digest]
    assert store.used() == 7


def test_partial_blob_becomes_one_only_when_it_hashes(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 10 * CHUNK)
    body = bytes(range(256)) * (CHUNK // 128) + b"rest"
    digest = hashlib.sha256(body).digest()
    hashes = [hashlib.sha256(body[i : i + CHUNK]).digest() for i in range(0, len(body), CHUNK)]
    assert store.begin(digest, len(body), hashes) == set()
    store.write(digest, 1, body[CHUNK : 2 * CHUNK])
    store.write(digest, 2, b"rest")
    assert store.begin(digest, len(body), hashes) == {1, 2}
    assert not store.has(digest)
    assert not store.commit(digest)
    assert store.begin(digest, len(body), hashes) == set()
    for index in range(3):
        store.write(digest, index, body[index * CHUNK : (index + 1) * CHUNK])
    assert store.commit(digest)
    assert store.digests() == [digest]
    assert [path.name for path in tmp_path.iterdir()] == [digest.hex()]


def test_room_is_made_by_throwing_out_what_was_used_longest_ago(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    store = BlobStore(tmp_path, 100, lambda: clock[0])
    kept = store.put(b"a" * 30)
    old, new = (store.put(letter * 30) for letter in (b"b", b"c"))
    for digest in (old, new):
        store.unpin(digest)
    for digest in (kept, old, new):
        clock[0] += 1
        store.use(digest)
    with pytest.raises(BlobError, match="pinned or in use"):
        store.make_room(30, bytes(32))
    clock[0] += IN_USE_SECONDS
    store.use(new)
    assert store.make_room(10, bytes(32)) == []
    assert store.make_room(30, bytes(32)) == [old]
    assert store.has(new)
    assert store.has(kept)
    abandoned = bytes(32)
    store.begin(abandoned, 30, [])
    with pytest.raises(BlobError, match="no room"):
        store.make_room(30, bytes(31) + b"x")
    assert store.make_room(30, abandoned) == []
    clock[0] = time.time() + STALE_SECONDS + 10
    store.use(new)
    assert store.make_room(30, bytes(31) + b"x") == []
    assert not list(tmp_path.glob("*.part"))
