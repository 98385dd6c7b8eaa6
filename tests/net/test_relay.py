"""Two nodes behind NATs and a relay that both can dial; and what hostile peers get out of a relay.

The NATs are those of `test_nat`: proxies between loopback addresses. `deny` stands for "no way there".
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage

from p2pnode.errors import NetworkError
from p2pnode.network import Network, RelayTerms, open_network
from p2pnode.network.circuit_address import vias
from p2pnode.network.relay_wire import HOP, STOP, read_message, write_message
from p2pnode.ports import StreamProtocol, Topic
from tests.net.conftest import Mallory, Settings, mallory
from tests.net.test_nat import INSIDE, OUTSIDE, port_of, proxy

ELSEWHERE, ITS_OUTSIDE = "127.0.0.3", "127.0.0.8"


async def echo(peer: str, request: bytes) -> bytes:
    return request


@asynccontextmanager
async def two_homes(settings: Settings, terms: RelayTerms) -> AsyncIterator[tuple[Network, Network, Network]]:
    """A relay, and two nodes that only it can be reached by; the first has a place there."""
    async with (
        open_network(settings("relay", relay=terms)) as relay,
        proxy(INSIDE, 0, ("127.0.0.1", port_of(relay)), OUTSIDE) as one,
        proxy(ELSEWHERE, 0, ("127.0.0.1", port_of(relay)), ITS_OUTSIDE) as two,
        open_network(
            settings(
                "worker",
                listen=(f"/ip4/{INSIDE}/tcp/0",),
                bootstrap=(f"/ip4/{INSIDE}/tcp/{one}/p2p/{relay.peer_id}",),
                deny=(ELSEWHERE,),
                target_peers=1,
            )
        ) as worker,
        open_network(
            settings(
                "alice",
                listen=(f"/ip4/{ELSEWHERE}/tcp/0",),
                bootstrap=(f"/ip4/{ELSEWHERE}/tcp/{two}/p2p/{relay.peer_id}",),
                deny=(INSIDE,),
                target_peers=1,
            )
        ) as alice,
    ):
        worker.serve(StreamProtocol.TASK, echo, max_request=1 << 20)
        for node in (worker, alice):
            await node.wait_connected(relay.peer_id)
        await worker.check_reachability()
        while not worker.relays():  # noqa: ASYNC110
            await trio.sleep(0.01)
        yield relay, worker, alice


async def ask(node: Network, other: Network, data: bytes, timeout: float = 20) -> bytes:
    return await node.request(other.peer_id, StreamProtocol.TASK, data, timeout=timeout, max_response=1 << 20)


async def test_two_nodes_behind_nats_meet_through_a_relay(settings: Settings) -> None:
    with trio.fail_after(60):
        async with two_homes(settings, RelayTerms()) as (relay, worker, alice):
            assert worker.relays() == [relay.peer_id] and relay.relayed_peers() == [worker.peer_id]
            through = f"/p2p/{relay.peer_id}/p2p-circuit/p2p/{worker.peer_id}"
            assert [address for address in worker.addresses if address.endswith(through)]
            assert await ask(alice, worker, b"x" * 500_000) == b"x" * 500_000
            async with worker.subscribe(Topic.OFFERS) as offers:
                await alice.publish(Topic.OFFERS, b"an offer")
                assert (await anext(offers)).data == b"an offer"
