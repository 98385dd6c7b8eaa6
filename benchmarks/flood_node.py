"""One honest node of `flood`, in a process of its own: `serve`.

Reads commands on stdin and writes events on stdout, one JSON object a line. Commands: `{"do": "offer"}` and
`{"do": "count"}`. Events: `ready` once it listens; `seen` with the milliseconds that an honest offer took;
`failed`; and `count`: strangers' offers heard, CPU seconds.

The node decides whom to hear as any node does, by `ChainStanding`, which is told of stakes and escrows by
the events that the chain would have.
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import base58
import structlog
import trio
from coincurve import PrivateKey

from benchmarks.soak_node import lines, say
from p2pnode.chain import Event
from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.network import Network, NetworkSettings, open_network
from p2pnode.ports import Topic
from p2pnode.protocol.codec import decode_signed, encode
from p2pnode.protocol.eip712 import Domain, keccak, sign
from p2pnode.protocol.messages import Offer
from p2pnode.standing import ChainStanding

DOMAIN: Final = Domain(31337, bytes(range(20)))
TOKEN: Final = bytes(20)
_STAKE: Final = 10**18
_CLOCK_BITS: Final = 64
MESH_SECONDS: Final = 120.0
"""However busy the machine is."""
_now: Final = time.monotonic_ns
"""CLOCK_MONOTONIC, which all processes of a machine share."""


def account_of(key: bytes) -> bytes:
    """The address, 20 bytes, of a private key of 32."""
    return keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[12:]


def signed_offer(key: bytes, requester: bytes, nonce: int) -> bytes:
    """A well-formed offer of `requester` that `key` has signed."""
    now = int(time.time())
    offer = Offer(
        requester, sha256(b"model").digest(), sha256(b"input").digest(), 10, 100, now, now + 10, now + 60,
        now + 600, 0, TOKEN, nonce,
    )  # fmt: skip
    return encode(sign(DOMAIN, offer, key))


@dataclass(frozen=True)
class Honest:
    """What a node is started with. `others` are the peer IDs and accounts of all that have a stake."""

    folder: Path
    key: bytes
    bootstrap: Sequence[str]
    others: Sequence[tuple[str, bytes]]


def standing_of(staked: Sequence[tuple[str, bytes]]) -> ChainStanding:
    """Standing by the events of a chain on which each of `staked` has a stake and an escrow."""
    standing = ChainStanding(DOMAIN)
    for number, (peer, account) in enumerate(staked):
        registered = {"account": account, "peerId": base58.b58decode(peer), "capacity": 1, "stake": _STAKE}
        deposited = {"requester": account, "amount": _STAKE, "balance": _STAKE}
        for name, arguments in (("NodeRegistered", registered), ("Deposited", deposited)):
            standing.note(Event("", name, arguments, bytes(32), number))
    return standing


class Listener:
    """Hears offers and tells how long the honest ones took; counts the others."""

    def __init__(self, accounts: Sequence[bytes]) -> None:
        self._accounts = frozenset(accounts)
        self.strangers = 0

    async def run(self, node: Network, task_status: Any) -> None:
        async with node.subscribe(Topic.OFFERS) as inbox:
            task_status.started()
            async for gossip in inbox:
                self._hear(gossip.data)

    def _hear(self, data: bytes) -> None:
        came = _now()
        try:
            offer = decode_signed(data, Offer).message
        except ProtocolError:
            self.strangers += 1
            return
        sent = offer.nonce % 2**_CLOCK_BITS
        if offer.requester not in self._accounts or not sent:
            self.strangers += 1
            return
        say("seen", milliseconds=round((came - sent) / 1e6, 2))


async def publish(node: Network, key: bytes) -> None:
    nonce = int.from_bytes(os.urandom(8), "big") << _CLOCK_BITS | _now()
    try:
        await node.publish(Topic.OFFERS, signed_offer(key, account_of(key), nonce))
    except NetworkError as error:
        say("failed", reason=str(error)[:300])


async def run(honest: Honest, settings: NetworkSettings) -> None:
    listener = Listener([account for _, account in honest.others])
    async with open_network(settings, standing_of(honest.others)) as node, trio.open_nursery() as nursery:
        await nursery.start(listener.run, node)
        say("ready", peer=node.peer_id, addresses=node.addresses)
        commands: AsyncIterator[dict[str, Any]] = lines()
        async for command in commands:
            if command["do"] == "offer":
                nursery.start_soon(publish, node, honest.key)
            elif command["do"] == "mesh":
                for peer, _ in honest.others:
                    if peer != node.peer_id:
                        await node.wait_for_mesh(peer, Topic.OFFERS, timeout=MESH_SECONDS)
                say("mesh")
            else:
                say("count", strangers=listener.strangers, cpu_seconds=time.process_time())
        nursery.cancel_scope.cancel()


def serve(honest: Honest) -> None:
    """Run a node, whose `node.key` is in its folder, until stdin ends."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    settings = NetworkSettings(
        key_path=honest.folder / "node.key",
        cache_dir=honest.folder / "blobs",
        state_dir=honest.folder / "state",
        listen=("/ip4/127.0.0.1/tcp/0",),
        bootstrap=tuple(honest.bootstrap),
        # Everybody is on this machine.
        max_per_ip=63,
    )
    trio.run(run, honest, settings)
