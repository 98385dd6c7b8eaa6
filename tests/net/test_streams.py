"""Requests over streams: answers, refusals the other side can read, and peers that stop."""

from pathlib import Path

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID

from p2pnode.errors import NetworkError, ProtocolError, RemoteError
from p2pnode.network import create_key, open_network, streams
from p2pnode.ports import StreamProtocol
from tests.net.conftest import Settings, mallory, read_until_closed, swarm_of

TASK = StreamProtocol.TASK


async def echo(peer: str, request: bytes) -> bytes:
    return peer.encode() + b"|" + request


async def test_worker_reaches_a_requester_known_only_to_the_bootstrap_peer(
    settings: Settings,
) -> None:
    async with open_network(settings("boot")) as boot:
        only = {"bootstrap": boot.addresses, "target_peers": 1}
        async with (
            open_network(settings("requester", **only)) as requester,
            open_network(settings("worker", **only)) as worker,
        ):
            requester.serve(TASK, echo, max_request=1 << 20)
            with trio.fail_after(10):
                await requester.wait_connected(boot.peer_id)
                await worker.wait_connected(boot.peer_id)
                assert requester.peer_id not in worker.peers()
                body = bytes(range(256)) * 4000
                answer = await worker.request(requester.peer_id, TASK, body, timeout=10, max_response=2 << 20)
            assert answer == worker.peer_id.encode() + b"|" + body


async def test_many_requests_at_once(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, echo, max_request=1000)
        answers = []

        async def ask(number: int) -> None:
            answers.append(
                await bob.request(alice.peer_id, TASK, b"%d" % number, timeout=10, max_response=100)
            )

        with trio.fail_after(20):
            for start in range(0, 60, 12):
                async with trio.open_nursery() as nursery:
                    for number in range(start, start + 12):
                        nursery.start_soon(ask, number)
        assert sorted(int(answer.partition(b"|")[2]) for answer in answers) == list(range(60))


@pytest.mark.parametrize("size", [101, 2_000_000])
async def test_oversize_request_is_refused_with_the_limit(settings: Settings, size: int) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, echo, max_request=100)
        with (
            trio.fail_after(10),
            pytest.raises(RemoteError, match=rf"too-large.*{size} bytes announced, 100 allowed"),
        ):
            await bob.request(alice.peer_id, TASK, bytes(size), timeout=8, max_response=100)


async def test_oversize_answer_is_not_read(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, echo, max_request=10000)
        with (
            trio.fail_after(10),
            pytest.raises(NetworkError, match=r"answer too large: .* 513 allowed"),
        ):
            await bob.request(alice.peer_id, TASK, bytes(5000), timeout=8, max_response=100)


async def test_what_a_handler_raises_reaches_the_peer_as_far_as_it_may(settings: Settings) -> None:
    async def handler(peer: str, request: bytes) -> bytes:
        if request == b"refuse":
            raise ProtocolError("field price is -1: give 0 or more")
        if request == b"break":
            raise ValueError("/home/secret/path")
        return request

    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, handler, max_request=100)
        with trio.fail_after(10):
            with pytest.raises(RemoteError, match="refused: field price is -1: give 0 or more"):
                await bob.request(alice.peer_id, TASK, b"refuse", timeout=5, max_response=100)
            with pytest.raises(RemoteError, match="internal: internal error") as raised:
                await bob.request(alice.peer_id, TASK, b"break", timeout=5, max_response=100)
            assert "secret" not in str(raised.value)
            assert await bob.request(alice.peer_id, TASK, b"fine", timeout=5, max_response=100) == b"fine"


async def test_protocol_nobody_serves(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with (
            trio.fail_after(10),
            pytest.raises(NetworkError, match=r"on /p2pnode/bid/1 failed"),
        ):
            await bob.request(alice.peer_id, StreamProtocol.BID, b"", timeout=5, max_response=10)


async def test_handler_slower_than_the_deadline(settings: Settings) -> None:
    async def forever(peer: str, request: bytes) -> bytes:
        await trio.sleep_forever()
        raise AssertionError

    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, forever, max_request=100)
        with trio.fail_after(10):
            await bob.connect(alice.peer_id)
            with pytest.raises(NetworkError, match=r"did not answer on .* within 0.2 s"):
                await bob.request(alice.peer_id, TASK, b"", timeout=0.2, max_response=10)


async def test_too_many_requests_of_one_peer_are_told_so(settings: Settings) -> None:
    release = trio.Event()

    async def wait(peer: str, request: bytes) -> bytes:
        await release.wait()
        return b"done"

    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, wait, max_request=100)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(streams.PER_PEER):
                    nursery.start_soon(
                        lambda: bob.request(alice.peer_id, TASK, b"", timeout=15, max_response=10)
                    )
                while alice._streams._active[bob.peer_id, TASK] < streams.PER_PEER:  # noqa: ASYNC110
                    await trio.sleep(0.01)
                with pytest.raises(RemoteError, match="busy"):
                    await bob.request(alice.peer_id, TASK, b"", timeout=5, max_response=10)
                release.set()


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\x00\x00\x00\x64half"])
async def test_peer_that_stops_in_mid_stream(settings: Settings, sent: bytes) -> None:
    async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
        alice.serve(TASK, echo, max_request=1000)
        with trio.fail_after(10):
            stream = await attacker.stream(TASK)
            if sent:
                await stream.write(sent)
            await stream.close_write()
            await read_until_closed(stream)
            async with open_network(settings("bob", bootstrap=alice.addresses)) as bob:
                answer = await bob.request(alice.peer_id, TASK, b"x", timeout=5, max_response=100)
                assert answer.endswith(b"|x")
        assert not alice._streams._active


async def test_server_that_stops_in_mid_answer(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice, mallory(alice) as attacker:

        async def half(stream: INetStream) -> None:
            await stream.write((1000).to_bytes(4, "big") + b"\x00half")
            await stream.close()

        attacker.host.set_stream_handler(TProtocol(TASK), half)
        with trio.fail_after(10), pytest.raises(NetworkError, match=r"request to .* failed"):
            await alice.request(attacker.peer_id, TASK, b"x", timeout=5, max_response=2000)


async def test_garbage_instead_of_a_protocol_negotiation(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
        alice.serve(TASK, echo, max_request=100)
        with trio.fail_after(15):
            for garbage in (b"\x05\xff\xfe\xfd\xfc\n", b"\xff" * 64, b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n"):
                stream = await attacker.bare_stream()
                await stream.write(garbage)
                await stream.close_write()
            async with open_network(settings("bob", bootstrap=alice.addresses)) as bob:
                assert await bob.request(alice.peer_id, TASK, b"x", timeout=5, max_response=100)


async def test_unknown_peer_says_what_was_tried(settings: Settings, tmp_path: Path) -> None:
    stranger = create_key(tmp_path / "stranger")
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(20):
            await bob.wait_connected(alice.peer_id)
            with pytest.raises(NetworkError, match="no peer knows its address"):
                await bob.connect(stranger)
            with pytest.raises(NetworkError, match="'nonsense' is not the peer ID"):
                await bob.request("nonsense", TASK, b"", timeout=5, max_response=10)
            with pytest.raises(NetworkError, match="is this node itself"):
                await bob.connect(bob.peer_id)


async def test_closed_connections_free_their_slots(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice:
        limiter = swarm_of(alice)._inbound_limiter
        for number in range(8):
            with trio.fail_after(10):
                async with mallory(alice) as attacker:
                    peer = attacker.peer_id
                await alice.wait_disconnected(peer)
                while limiter.borrowed_tokens:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            assert limiter.borrowed_tokens == 0, number


async def test_cancelled_requests_leave_the_connection_whole(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, echo, max_request=1 << 20)
        with trio.fail_after(30):
            await bob.connect(alice.peer_id)
            (connection,) = swarm_of(bob).connections[ID.from_base58(alice.peer_id)]
            for step in range(60):
                with trio.move_on_after(step * 0.0003):
                    await bob.request(alice.peer_id, TASK, bytes(500_000), timeout=5, max_response=1 << 20)
            answer = await bob.request(alice.peer_id, TASK, b"still there", timeout=5, max_response=100)
        assert answer.endswith(b"still there")
        assert not connection.is_closed


@pytest.mark.deep
async def test_slow_handler_does_not_stall_the_writer(settings: Settings) -> None:
    """Row 15: the request is read whole before it is handled, so its writer is never left waiting."""

    async def slow(peer: str, request: bytes) -> bytes:
        await trio.sleep(7)
        return len(request).to_bytes(4, "big")

    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.serve(TASK, slow, max_request=16 << 20)
        with trio.fail_after(60):
            answer = await bob.request(alice.peer_id, TASK, bytes(12 << 20), timeout=40, max_response=4)
        assert int.from_bytes(answer, "big") == 12 << 20
