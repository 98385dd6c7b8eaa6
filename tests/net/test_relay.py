"""Two nodes behind NATs and a relay that both can dial; and what hostile peers get out of a relay.

The NATs are those of `test_nat`: proxies between loopback addresses. `deny` stands for "no way there".
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.network import Network, RelayTerms, open_network
from p2pnode.network.punch import PROTOCOL as DCUTR
from p2pnode.network.punch import addresses_of
from p2pnode.network.relay_wire import HOP, STOP, read_message, write_message
from p2pnode.ports import StreamProtocol, Topic
from tests.net.conftest import Mallory, Settings, mallory, read_until_closed
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


async def ask(node: Network, other: Network, data: bytes, timeout: float = 60) -> bytes:
    return await node.request(other.peer_id, StreamProtocol.TASK, data, timeout=timeout, max_response=1 << 20)


async def test_two_nodes_behind_nats_meet_through_a_relay(settings: Settings) -> None:
    with trio.fail_after(120):
        async with two_homes(settings, RelayTerms()) as (relay, worker, alice):
            assert worker.relays() == [relay.peer_id]
            assert worker.peer_id in relay.relayed_peers()
            through = f"/p2p/{relay.peer_id}/p2p-circuit/p2p/{worker.peer_id}"
            assert [address for address in worker.addresses if address.endswith(through)]
            assert await ask(alice, worker, b"x" * 500_000) == b"x" * 500_000
            async with worker.subscribe(Topic.OFFERS) as offers:
                await alice.publish(Topic.OFFERS, b"an offer")
                assert (await anext(offers)).data == b"an offer"


async def test_circuit_ends_with_its_bytes_and_the_next_one_begins_anew(settings: Settings) -> None:
    with trio.fail_after(120):
        async with two_homes(settings, RelayTerms(bytes=200_000)) as (_, worker, alice):
            assert await ask(alice, worker, b"small") == b"small"
            with pytest.raises(NetworkError):
                await ask(alice, worker, bytes(300_000))
            assert await ask(alice, worker, b"small again") == b"small again"


async def test_circuit_ends_with_its_seconds_though_nothing_passes(settings: Settings) -> None:
    with trio.fail_after(120):
        async with two_homes(settings, RelayTerms(seconds=2)) as (_, worker, alice):
            await alice.connect(worker.peer_id)
            await alice.wait_disconnected(worker.peer_id)


async def test_place_is_given_up_when_the_node_can_be_dialled(settings: Settings) -> None:
    with trio.fail_after(120):
        async with two_homes(settings, RelayTerms()) as (_, worker, _):
            port = port_of(worker)
            async with proxy(OUTSIDE, port, (INSIDE, port), OUTSIDE):
                await worker.check_reachability()
                while worker.relays():  # noqa: ASYNC110
                    await trio.sleep(0.01)
                assert not any("p2p-circuit" in address for address in worker.addresses)


async def hop(attacker: Mallory, request: HopMessage) -> tuple[HopMessage, INetStream]:
    stream: INetStream = await attacker.stream(HOP)
    await write_message(stream, request)
    return await read_message(stream, HopMessage), stream


def connect_to(peer: bytes) -> HopMessage:
    request = HopMessage(type=HopMessage.CONNECT)
    request.peer.id = peer
    return request


async def take_circuits(stream: INetStream) -> None:
    """Accept whatever the relay brings, and say nothing."""
    await read_message(stream, StopMessage)
    await write_message(stream, StopMessage(type=StopMessage.STATUS, status=Status.OK))
    await trio.sleep_forever()


async def test_places_are_few_and_each_peers_own(settings: Settings) -> None:
    with trio.fail_after(60):
        async with open_network(settings("relay", relay=RelayTerms(reservations=1))) as relay:
            in_other_name = HopMessage(type=HopMessage.RESERVE)
            in_other_name.peer.id = ID.from_base58(relay.peer_id).to_bytes()
            async with mallory(relay) as one, mallory(relay) as two:
                answer, _ = await hop(one, in_other_name)
                assert answer.status == Status.OK
                assert relay.relayed_peers() == [one.peer_id]
                assert answer.limit.data == RelayTerms().bytes
                refused, _ = await hop(two, HopMessage(type=HopMessage.RESERVE))
                assert refused.status == Status.RESERVATION_REFUSED
                no_place, _ = await hop(one, connect_to(two.host.get_id().to_bytes()))
                assert no_place.status == Status.NO_RESERVATION
            await relay.wait_disconnected(one.peer_id)
            assert relay.relayed_peers() == []


async def test_one_address_gets_four_places(settings: Settings) -> None:
    with trio.fail_after(60):
        async with AsyncExitStack() as stack:
            relay = await stack.enter_async_context(open_network(settings("relay", relay=RelayTerms())))
            for number in range(5):
                peer = await stack.enter_async_context(mallory(relay))
                answer, _ = await hop(peer, HopMessage(type=HopMessage.RESERVE))
                assert (answer.status == Status.OK) == (number < 4)


async def test_circuits_of_one_peer_are_few_and_apart(settings: Settings) -> None:
    with trio.fail_after(60):
        async with (
            open_network(settings("relay", relay=RelayTerms())) as relay,
            mallory(relay, {STOP: take_circuits}) as target,
            mallory(relay) as source,
        ):
            await hop(target, HopMessage(type=HopMessage.RESERVE))
            opened = [await hop(source, connect_to(target.host.get_id().to_bytes())) for _ in range(5)]
            statuses = [answer.status for answer, _ in opened]
            assert statuses == [Status.OK] * 4 + [Status.RESOURCE_LIMIT_EXCEEDED]
            await opened[0][1].reset()
            # The others go on: nothing ends them within the time that the first took.
            with pytest.raises(trio.TooSlowError), trio.fail_after(0.5):
                await opened[1][1].read(1)


@pytest.mark.parametrize("sent", [b"", b"\xff\xff\xff\xff", b"\x05hello", b"\xff\xff\x7f" + b"x" * 5000])
async def test_garbage_costs_a_relay_nothing(settings: Settings, sent: bytes) -> None:
    with trio.fail_after(60):
        async with open_network(settings("relay", relay=RelayTerms())) as relay, mallory(relay) as attacker:
            for protocol in (HOP, STOP):
                stream = await attacker.stream(protocol)
                await stream.write(sent)
                await stream.close()
            assert await read_until_closed(stream) == b""
            answer, _ = await hop(attacker, connect_to(b""))
            assert answer.status == Status.MALFORMED_MESSAGE
            answer, _ = await hop(attacker, HopMessage(type=HopMessage.RESERVE))
            assert answer.status == Status.OK


async def test_connection_through_a_peer_that_is_no_relay_of_ours_is_not_taken(settings: Settings) -> None:
    with trio.fail_after(60):
        async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
            stream = await attacker.stream(STOP)
            request = StopMessage(type=StopMessage.CONNECT)
            request.peer.id = attacker.host.get_id().to_bytes()
            await write_message(stream, request)
            assert (await read_message(stream, StopMessage)).status == Status.PERMISSION_DENIED
            assert await read_until_closed(stream) == b""
            assert alice.peers() == [attacker.peer_id]


async def test_node_that_is_no_relay_does_not_offer_to_be_one(settings: Settings) -> None:
    with trio.fail_after(60):
        async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
            with pytest.raises(Exception, match="failed to open a stream"):
                await attacker.stream(HOP)


async def test_nobody_is_made_to_dial_over_a_direct_connection(settings: Settings) -> None:
    with trio.fail_after(60):
        async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
            stream = await attacker.stream(DCUTR)
            bait = Multiaddr("/ip4/127.0.0.5/tcp/9").to_bytes()
            await write_message(stream, HolePunch(type=HolePunch.CONNECT, ObsAddrs=[bait]))
            assert await read_until_closed(stream) == b""
            assert alice.peers() == [attacker.peer_id]


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        (HolePunch(type=HolePunch.SYNC), None),
        (HolePunch(type=HolePunch.CONNECT), []),
        (HolePunch(type=HolePunch.CONNECT, ObsAddrs=[b"junk"]), None),
        (
            HolePunch(
                type=HolePunch.CONNECT,
                ObsAddrs=[
                    Multiaddr(address).to_bytes()
                    for address in ("/dns4/a.b/tcp/1", "/ip4/1.2.3.4/tcp/3", "/ip4/1.2.3.4/tcp/4")
                ],
            ),
            ["/ip4/1.2.3.4/tcp/3"],
        ),
    ],
)
def test_few_addresses_are_taken_from_what_a_peer_names(message: HolePunch, taken: list[str] | None) -> None:
    if taken is None:
        with pytest.raises(ProtocolError, match="DCUtR"):
            addresses_of(message, HolePunch.CONNECT)
    else:
        assert list(map(str, addresses_of(message, HolePunch.CONNECT))) == taken
