"""Fetching content from peers that lie, stall, break off or go away."""

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol

from p2pnode.errors import BlobError, ProtocolError
from p2pnode.network import blob_fetch, open_network
from p2pnode.network.blobs import REQUEST, SIZE
from p2pnode.ports import StreamProtocol
from tests.net.conftest import Settings
from tests.net.test_blobs import BODY, DIGEST, part_of, serve_bytes


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


def spoilt(body: bytes) -> bytes:
    """`body` with one wrong bit in its second chunk."""
    wrong = bytearray(body)
    wrong[1_500_000] ^= 1
    return bytes(wrong)


@pytest.mark.parametrize("consistent", [True, False])
async def test_wrong_bytes_cost_the_liar_and_the_next_peer_is_asked(
    settings: Settings, consistent: bool
) -> None:
    async with (
        open_network(settings("liar")) as liar,
        open_network(settings("alice", bootstrap=liar.addresses)) as alice,
        open_network(settings("bob", bootstrap=(*liar.addresses, *alice.addresses))) as bob,
    ):
        # A liar whose chunk hashes are of the wrong bytes too is found out when the whole is hashed.
        serve_bytes(liar, spoilt(BODY), [], described=None if consistent else BODY)
        reason = "does not hash to" if consistent else "chunk 1 of blob .* is not what it described"
        with trio.fail_after(20):
            await bob.wait_connected(alice.peer_id)
            with pytest.raises(BlobError, match=rf"{liar.peer_id}: .*{reason}"):
                await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[liar.peer_id])
            assert not bob.blobs.has(DIGEST)
            assert 30 < bob._connections._reputation.score(liar.peer_id) < 50
            await alice.blobs.put(BODY)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[liar.peer_id, alice.peer_id])
        assert path.read_bytes() == BODY
        assert not bob._connections._reputation.score(alice.peer_id)


async def test_peer_that_goes_away_in_the_middle_is_replaced(settings: Settings) -> None:
    async with (
        open_network(settings("one")) as one,
        open_network(settings("two", bootstrap=one.addresses)) as two,
        open_network(settings("bob", bootstrap=(*one.addresses, *two.addresses))) as bob,
    ):
        await two.blobs.put(BODY)
        served = [0]

        async def once(peer: str, request: bytes) -> bytes:
            served[0] += 1
            if served[0] > 1:
                raise ProtocolError("gone")
            _, offset, length = REQUEST.unpack(request)
            return SIZE.pack(len(BODY)) + BODY[offset : offset + length]

        serve_bytes(one, BODY, [])
        one.serve(StreamProtocol.BLOB, once, max_request=REQUEST.size)
        with trio.fail_after(20):
            await bob.connect(two.peer_id)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[one.peer_id, two.peer_id])
        assert path.read_bytes() == BODY


async def test_stream_that_breaks_off_is_tried_again(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        offsets: list[int] = []
        serve_bytes(alice, BODY, offsets)
        serve = alice._host.get_mux().handlers[TProtocol(StreamProtocol.BLOB)]
        assert serve is not None
        broken = [0]

        async def break_first(stream: INetStream) -> None:
            broken[0] += 1
            if broken[0] <= 2:
                await stream.reset()
                return
            await serve(stream)

        alice._host.set_stream_handler(TProtocol(StreamProtocol.BLOB), break_first)
        with trio.fail_after(20):
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[alice.peer_id])
        assert path.read_bytes() == BODY
        assert broken[0] == 5


async def test_chunk_of_a_slow_peer_is_asked_of_another(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_fetch, "SLOW_SECONDS", 0.2)
    async with (
        open_network(settings("slow")) as slow,
        open_network(settings("two", bootstrap=slow.addresses)) as two,
        open_network(settings("bob", bootstrap=(*slow.addresses, *two.addresses))) as bob,
    ):
        await two.blobs.put(BODY)

        async def never(peer: str, request: bytes) -> bytes:
            await trio.sleep_forever()
            raise AssertionError

        serve_bytes(slow, BODY, [])
        slow.serve(StreamProtocol.BLOB, never, max_request=REQUEST.size)
        with trio.fail_after(10):
            await bob.connect(two.peer_id)
            path = await bob.blobs.get(DIGEST, max_size=len(BODY), peers=[slow.peer_id, two.peer_id])
        assert path.read_bytes() == BODY


async def test_blob_over_the_cap_costs_one_short_answer(settings: Settings) -> None:
    offsets: list[int] = []
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, BODY, offsets)
        with (
            trio.fail_after(10),
            pytest.raises(BlobError, match=rf"has {len(BODY)} bytes, 1000000 allowed"),
        ):
            await bob.blobs.get(DIGEST, max_size=1_000_000, peers=[alice.peer_id])
        assert not offsets
        assert not part_of(bob).exists()


@pytest.mark.parametrize("size", [0, 1000, 1 << 62])
async def test_peer_whose_description_contradicts_itself(settings: Settings, size: int) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        serve_bytes(alice, BODY, [], size=size)
        with trio.fail_after(10), pytest.raises(BlobError, match="contradicts itself"):
            await bob.blobs.get(DIGEST, max_size=1 << 63, peers=[alice.peer_id])
