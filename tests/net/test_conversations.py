"""Many requests on one stream, and peers that hold streams without asking."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest
import trio

from p2pnode.errors import MarketError, NetworkError, RemoteError
from p2pnode.network import Network, conversations, open_network
from p2pnode.ports import Ask, StreamProtocol
from tests.net.conftest import Settings, mallory, read_until_closed

SESSION = StreamProtocol.SESSION


async def echo(peer: str, request: bytes) -> bytes:
    if request == b"refuse":
        raise MarketError("no such session; open one first")
    return peer.encode() + b"|" + request


async def test_requests_of_a_stream_are_answered_in_their_order(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        alice.bus.serve_conversations(SESSION, echo, max_request=1000)
        with trio.fail_after(120):
            async with bob.bus.converse(alice.peer_id, SESSION, timeout=10, max_response=1000) as ask:
                for number in range(200):
                    assert await ask(b"%d" % number) == bob.peer_id.encode() + b"|%d" % number
                with pytest.raises(RemoteError, match="open one first"):
                    await ask(b"refuse")


async def test_who_holds_streams_in_silence_keeps_nobody_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "TOTAL", 3)
    async with open_network(settings("alice")) as alice:
        alice.bus.serve_conversations(SESSION, echo, max_request=1000)
        async with (
            mallory(alice) as stranger,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        ):
            held = [await stranger.stream(SESSION) for _ in range(3)]
            for stream in held:
                # The beginning of a frame whose end does not come.
                await stream.write(b"\0")
            with trio.fail_after(60):
                async with bob.bus.converse(alice.peer_id, SESSION, timeout=10, max_response=1000) as ask:
                    assert await ask(b"1") == bob.peer_id.encode() + b"|1"
                    assert b"others need the place" in await read_until_closed(held[0])
                    assert await ask(b"2") == bob.peer_id.encode() + b"|2"


async def test_a_peer_with_many_streams_gives_its_own_silent_ones(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        AsyncExitStack() as stack,
    ):
        alice.bus.serve_conversations(SESSION, echo, max_request=1000)
        with trio.fail_after(60):
            talks = []
            for number in range(conversations.PER_PEER + 4):
                talk = await stack.enter_async_context(talk_with(bob, alice.peer_id))
                assert await talk(b"%d" % number) == bob.peer_id.encode() + b"|%d" % number
                talks.append(talk)
            with pytest.raises(NetworkError):
                await talks[0](b"again")
            assert await talks[-1](b"again") == bob.peer_id.encode() + b"|again"


def talk_with(node: Network, peer: str) -> AbstractAsyncContextManager[Ask]:
    """A stream of `node` for sessions with `peer`."""
    return node.bus.converse(peer, SESSION, timeout=10, max_response=1000)
