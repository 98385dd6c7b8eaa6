"""The strangers of `flood`, in one process: bare libp2p hosts that have no stake and no manners.

Each is connected to one node. Everything is signed before the flood begins, so that it costs the machine
as little as it can. Reads commands on stdin, one JSON object a line: `{"do": "flood", "until"}` (seconds of
CLOCK_MONOTONIC). Writes `ready`, and `sent` with what was written, and how many strangers were expelled.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
import trio
from libp2p import new_host
from libp2p.abc import IHost
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import PrivateKey
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX
from libp2p.utils import encode_varint_prefixed
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from benchmarks.flood_node import account_of, signed_offer
from benchmarks.soak_node import lines, say
from p2pnode.ports import Topic

EACH_SECONDS: Final = 1 / 40
"""Between two messages of a stranger in its own name: just under the rate that gets it expelled."""
AGAIN_SECONDS: Final = 0.25
"""From the end of a stream to the next one."""
_NUMBER: Final = 8
"""Bytes of a message's number."""


@dataclass(frozen=True)
class Flood:
    """Who floods whom: `count` messages of `kind` by `strangers`; `good_offer` is by `funded`."""

    kind: str
    strangers: int
    count: int
    victims: Sequence[str]
    funded: bytes
    good_offer: bytes


def signed_gossip(
    private: PrivateKey, data: bytes, number: int = 0, topics: Sequence[str] = (Topic.OFFERS,)
) -> rpc_pb2.Message:
    """A message as libp2p's pubsub specification has it, signed by `private`."""
    message = rpc_pb2.Message(
        data=data,
        topicIDs=[str(topic) for topic in topics],
        from_id=ID.from_pubkey(private.get_public_key()).to_bytes(),
        seqno=number.to_bytes(_NUMBER, "big"),
    )
    message.signature = private.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    return message


def own_name(flood: Flood, own: PrivateKey, number: int) -> rpc_pb2.Message:
    """An offer without an escrow, all of a stranger's in its own name."""
    key = os.urandom(32)
    return signed_gossip(own, signed_offer(key, account_of(key), number << 64), number)


def fresh_names(flood: Flood, own: PrivateKey, number: int) -> rpc_pb2.Message:
    """The same, each in the name of a peer of its own: nobody is over a rate."""
    return own_name(flood, create_new_key_pair().private_key, number)


def borrowed_escrow(flood: Flood, own: PrivateKey, number: int) -> rpc_pb2.Message:
    """An offer that names an account with an escrow, by a fresh name, signed by another account."""
    offer = signed_offer(os.urandom(32), flood.funded, number << 64)
    return signed_gossip(create_new_key_pair().private_key, offer, number)


def repeated(flood: Flood, own: PrivateKey, number: int) -> rpc_pb2.Message:
    """One good offer of an account with an escrow, again and again, each time by a fresh name."""
    return signed_gossip(create_new_key_pair().private_key, flood.good_offer, number)


def garbage(flood: Flood, own: PrivateKey, number: int) -> rpc_pb2.Message:
    """No offer, in a fresh name, with a signature that is none."""
    message = signed_gossip(create_new_key_pair().private_key, os.urandom(400), number)
    message.signature = os.urandom(64)
    return message


KINDS: Final[Mapping[str, Callable[[Flood, PrivateKey, int], rpc_pb2.Message]]] = {
    "own_name": own_name,
    "fresh_names": fresh_names,
    "borrowed_escrow": borrowed_escrow,
    "repeated": repeated,
    "garbage": garbage,
}


class Stranger:
    """One host with what it is going to write."""

    def __init__(self, flood: Flood, host: IHost, own: PrivateKey, first: int) -> None:
        count = flood.count // flood.strangers
        made = (KINDS[flood.kind](flood, own, number) for number in range(first, first + count))
        self.parts = [
            encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString()) for message in made
        ]
        self._pause = EACH_SECONDS if flood.kind == "own_name" else 0.0
        self._host = host
        self.sent = 0
        self.expelled = False
        self._stream: Any = None

    async def connect(self, victim: str) -> None:
        self._host.set_stream_handler(PROTOCOL_ID_V11, _swallow)
        self._victim = info_from_p2p_addr(Multiaddr(victim))
        await self._host.connect(self._victim)
        await self._open()

    async def _open(self) -> None:
        self._stream = await self._host.new_stream(self._victim.peer_id, [PROTOCOL_ID_V11])
        subscribed = rpc_pb2.RPC.SubOpts(subscribe=True, topicid=str(Topic.OFFERS))
        hello = rpc_pb2.RPC(subscriptions=[subscribed])
        await self._stream.write(encode_varint_prefixed(hello.SerializeToString()))

    async def flood(self, until: float) -> None:
        """Write everything, and then again as long as there is time; a stream that ends gets a next one."""
        while self.sent < len(self.parts) or time.monotonic() < until:
            try:
                await self._stream.write(self.parts[self.sent % len(self.parts)])
                self.sent += 1
                await trio.sleep(self._pause)
            except Exception:
                # Whatever the library raises when the other side has had enough, for now or for good.
                await trio.sleep(AGAIN_SECONDS)
                try:
                    await self._open()
                except Exception:
                    self.expelled = True
                    return


async def _swallow(stream: Any) -> None:
    # What a handler raises would end the host.
    with suppress(Exception):
        while await stream.read(1 << 16):
            pass


async def run(flood: Flood) -> None:
    async with AsyncExitStack() as stack:
        strangers = []
        for number in range(flood.strangers):
            pair = create_new_key_pair()
            host = new_host(key_pair=pair)
            await stack.enter_async_context(host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            first = number * (flood.count // flood.strangers) + 1
            stranger = Stranger(flood, host, pair.private_key, first)
            await stranger.connect(flood.victims[number % len(flood.victims)])
            strangers.append(stranger)
        say("ready")
        async for command in lines():
            async with trio.open_nursery() as nursery:
                for stranger in strangers:
                    nursery.start_soon(stranger.flood, command["until"])
            sent = sum(stranger.sent for stranger in strangers)
            say("sent", sent=sent, expelled=sum(stranger.expelled for stranger in strangers))


def serve(flood: Flood) -> None:
    """Connect, and flood when told to."""
    # Strangers have machines of their own: here they get the processor time that the honest nodes leave.
    os.nice(19)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    cast(Any, trio.run)(run, flood)
