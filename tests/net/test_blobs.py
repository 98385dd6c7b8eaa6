"""Fetching content from peers: whole, resumed, from liars, and not at all."""

import hashlib
from pathlib import Path

import pytest
import trio

from p2pnode.errors import BlobError
from p2pnode.network import Network, open_network
from p2pnode.network.blobs import CHUNK, REQUEST, SIZE
from p2pnode.ports import StreamProtocol
from tests.net.conftest import Settings

BODY = b"".join(number.to_bytes(4, "big") for number in range(700_000))
DIGEST = hashlib.sha256(BODY).digest()


def part_of(node: Network) -> Path:
    """Where `node` keeps the beginning of `BODY`."""
    return node.blobs._store._partial(DIGEST)


def serve_bytes(node: Network, body: bytes, offsets: list[int], *, size: int | None = None) -> None:
    """Serve `body` for every digest, whatever it hashes to, and note which offsets were asked for."""

    async def handler(peer: str, request: bytes) -> bytes:
        _, offset, length = REQUEST.unpack(request)
        offsets.append(offset)
        return SIZE.pack(len(body) if size is None else size) + body[offset : offset + length]

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
        part_of(bob).write_bytes(BODY[: CHUNK + 17])
        with trio.fail_after(20):
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
        assert path.read_bytes() == BODY
        assert offsets[0] == CHUNK + 17
        assert not part_of(bob).exists()


@pytest.mark.parametrize("part", [b"not how it starts" * 1000, BODY + b"and more"])
async def test_wrong_partial_is_thrown_away_and_the_peer_not_blamed(settings: Settings, part: bytes) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        part_of(bob).write_bytes(part)
        with trio.fail_after(20):
            await alice.blobs.put(BODY)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
        assert path.read_bytes() == BODY
        assert not bob._connections._reputation.score(alice.peer_id)


async def test_wrong_bytes_are_refused_and_the_next_peer_asked(settings: Settings) -> None:
    async with (
        open_network(settings("liar")) as liar,
        open_network(settings("alice", bootstrap=liar.addresses)) as alice,
        open_network(settings("bob", bootstrap=(*liar.addresses, *alice.addresses))) as bob,
    ):
        wrong = bytearray(BODY)
        wrong[1_500_000] ^= 1
        serve_bytes(liar, bytes(wrong), [])
        with trio.fail_after(20):
            await bob.wait_connected(alice.peer_id)
            with pytest.raises(
                BlobError, match=rf"bytes from peer {liar.peer_id} do not hash to {DIGEST.hex()}"
            ):
                await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[liar.peer_id])
            assert not bob.blobs.has(DIGEST)
            assert not part_of(bob).exists()
            assert bob._connections._reputation.score(liar.peer_id) > 30
            await alice.blobs.put(BODY)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[liar.peer_id, alice.peer_id])
        assert path.read_bytes() == BODY


async def test_blob_over_the_cap_costs_one_answer(settings: Settings) -> None:
    offsets: list[int] = []
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, BODY, offsets)
        with (
            trio.fail_after(10),
            pytest.raises(BlobError, match=rf"has {len(BODY)} bytes at .*, 1000000 allowed"),
        ):
            await bob.blobs.get(DIGEST, max_size=1_000_000, peers=[alice.peer_id])
        assert offsets[:1] == [0]
        assert set(offsets) == {0}
        assert not part_of(bob).exists()


async def test_peer_that_serves_nothing_of_a_promised_size(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, b"", [], size=1000)
        with trio.fail_after(10), pytest.raises(BlobError, match="contradicts itself"):
            await bob.blobs.get(DIGEST, max_size=2000, peers=[alice.peer_id])


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
        assert offsets == [0, CHUNK, 2 * CHUNK]
