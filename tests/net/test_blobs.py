"""Fetching content from peers: whole, resumed, from liars, and not at all."""

import hashlib
import time
from pathlib import Path

import pytest
import trio

from p2pnode.errors import BlobError
from p2pnode.network import Network, open_network
from p2pnode.network.blob_store import CHUNK
from p2pnode.network.blobs import HASHES, REQUEST, SIZE
from p2pnode.ports import StreamProtocol
from tests.net.conftest import Settings

BODY = b"".join(number.to_bytes(4, "big") for number in range(700_000))


DIGEST = hashlib.sha256(BODY).digest()


def part_of(node: Network) -> Path:
    """Where `node` keeps the beginning of `BODY`."""
    return node.blobs._store._partial(DIGEST)


def hashes_of(body: bytes) -> bytes:
    """SHA-256 of each chunk, one after the other."""
    parts = [body[i : i + CHUNK] for i in range(0, max(1, len(body)), CHUNK)]
    return b"".join(hashlib.sha256(part).digest() for part in parts)


def serve_bytes(
    node: Network, body: bytes, offsets: list[int], *, size: int | None = None, described: bytes | None = None
) -> None:
    """Serve `body` for every digest, whatever it hashes to, and note which offsets were asked for.

    `described` is the body that the chunk hashes are of, if that is another one.
    """
    told = SIZE.pack(len(body) if size is None else size)

    async def describe(peer: str, request: bytes) -> bytes:
        return told + hashes_of(body if described is None else described)

    async def handler(peer: str, request: bytes) -> bytes:
        _, offset, length = REQUEST.unpack(request)
        offsets.append(offset)
        return told + body[offset : offset + length]

    node._streams.serve(HASHES, describe, max_request=32)
    node.serve(StreamProtocol.BLOB, handler, max_request=REQUEST.size)


async def test_blob_comes_from_the_peer_named(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(20):
            assert await alice.blobs.put(BODY) == DIGEST
            assert not bob.blobs.has(DIGEST)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
            assert path.read_bytes() == BODY
            assert bob.blobs.has(DIGEST)
            assert await bob.blobs.get(DIGEST, max_size=len(BODY)) == path
            with pytest.raises(BlobError, match=rf"{len(BODY)} bytes, 5 allowed"):
                await bob.blobs.get(DIGEST, max_size=5)


async def test_empty_blob(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(10):
            digest = await alice.blobs.put(b"")
            path = await bob.blobs.get(digest, max_size=0, peers=[alice.peer_id])
            assert path.read_bytes() == b""


async def test_provider_is_found_in_the_directory(settings: Settings) -> None:
    async with open_network(settings("boot")) as boot:
        only = {"bootstrap": boot.addresses, "target_peers": 1}
        async with (
            open_network(settings("alice", **only)) as alice,
            open_network(settings("bob", **only)) as bob,
        ):
            with trio.fail_after(20):
                await alice.wait_connected(boot.peer_id)
                await bob.wait_connected(boot.peer_id)
                await alice.blobs.put(BODY)
                while alice.peer_id not in await bob.directory.find(DIGEST):
                    await trio.lowlevel.checkpoint()
                path = await bob.blobs.get(DIGEST, max_size=len(BODY))
            assert path.read_bytes() == BODY


async def test_fetch_goes_on_where_it_stopped(settings: Settings) -> None:
    offsets: list[int] = []
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, BODY, offsets)
        part_of(bob).write_bytes(BODY[: CHUNK + 17])  # the second chunk was cut off
        with trio.fail_after(20):
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
        assert path.read_bytes() == BODY
        assert sorted(offsets) == [CHUNK, 2 * CHUNK]
        assert not part_of(bob).exists()


async def test_several_peers_share_the_work(settings: Settings) -> None:
    async with (
        open_network(settings("one")) as one,
        open_network(settings("two", bootstrap=one.addresses)) as two,
        open_network(settings("three", bootstrap=one.addresses)) as three,
        open_network(settings("bob", bootstrap=(*one.addresses, *two.addresses, *three.addresses))) as bob,
    ):
        nodes = (one, two, three)
        offsets: list[list[int]] = [[] for _ in nodes]
        body = BODY * 4
        digest = hashlib.sha256(body).digest()
        for node, seen in zip(nodes, offsets, strict=True):
            serve_bytes(node, body, seen)
        with trio.fail_after(30):
            for node in nodes:
                await bob.connect(node.peer_id)
            path = await bob.blobs.get(digest, max_size=len(body), peers=[node.peer_id for node in nodes])
        assert path.read_bytes() == body
        assert all(offsets)
        assert sorted(offset for seen in offsets for offset in seen) == list(range(0, len(body), CHUNK))


async def test_full_disk_quota_throws_out_what_is_not_pinned(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses, blob_quota=len(BODY) + 100)) as bob,
    ):
        other = await alice.blobs.put(b"x" * 200)
        await alice.blobs.put(BODY)
        with trio.fail_after(20):
            await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
            with pytest.raises(BlobError, match=r"no room .*raise network\.blob_quota_mib"):
                await bob.blobs.get(other, max_size=200, peers=[alice.peer_id])
            bob.blobs._store._now = lambda: time.time() + 3600
            await bob.blobs.pin(DIGEST)
            with pytest.raises(BlobError, match="no room"):
                await bob.blobs.get(other, max_size=200, peers=[alice.peer_id])
            await bob.blobs.unpin(DIGEST)
            await bob.blobs.get(other, max_size=200, peers=[alice.peer_id])
        assert not bob.blobs.has(DIGEST)
        assert bob.blobs.has(other)


async def test_what_an_operator_removes_is_announced_no_longer(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(20):
            await alice.blobs.put(BODY)
            await alice.blobs.unpin(DIGEST)
            assert await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
            for node in (bob, alice):
                node.blobs._store.remove(DIGEST)
            announced = alice.directory
            assert DIGEST in {*announced._queue, *announced._mine}
            with pytest.raises(BlobError, match="not kept here"):
                await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
            assert DIGEST not in {*announced._queue, *announced._mine}


async def test_nobody_has_it(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(20):
            await bob.wait_connected(alice.peer_id)
            with pytest.raises(BlobError, match=rf"{DIGEST.hex()} is not kept here"):
                await bob.blobs.get(DIGEST, max_size=10, peers=[alice.peer_id])


async def test_nobody_to_ask(settings: Settings) -> None:
    async with open_network(settings("alone")) as alone:
        with trio.fail_after(20), pytest.raises(BlobError, match="no peer is known to have it"):
            await alone.blobs.get(DIGEST, max_size=10)


async def test_two_fetches_of_one_blob_share_the_work(settings: Settings) -> None:
    offsets: list[int] = []
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, BODY, offsets)

        async def get() -> None:
            await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(get)
        assert sorted(offsets) == [0, CHUNK, 2 * CHUNK]
