"""As `test_library`: these fail when libp2p's circuit relay no longer needs our own instead of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.network.relay_wire import HOP, STOP, read_message, write_message
from tests.net.test_library import dial, running


@asynccontextmanager
async def library_relay(seconds: int) -> AsyncIterator[tuple[IHost, CircuitV2Protocol]]:
    host = new_host()
    limits = RelayLimits(seconds, 1 << 20, max_circuit_conns=8, max_reservations=4)
    relay = CircuitV2Protocol(host, limits, allow_hop=True)
    async with running(host), background_trio_service(relay):
        await relay.event_started.wait()
        yield host, relay


async def ask(peer: IHost, relay: IHost, request: HopMessage) -> tuple[HopMessage, INetStream]:
    stream = await peer.new_stream(relay.get_id(), [HOP])
    await write_message(stream, request)
    return await read_message(stream, HopMessage), stream


async def test_row_34_places_are_reserved_in_anybodys_name() -> None:
    with trio.fail_after(20):
        attacker, somebody = new_host(), new_host()
        async with library_relay(60) as (relay, protocol), running(attacker), running(somebody):
            await dial(attacker, relay)
            await dial(somebody, relay)
            request = HopMessage(type=HopMessage.RESERVE)
            request.peer.id = somebody.get_id().to_bytes()
            answer, _ = await ask(attacker, relay, request)
            assert answer.status == Status.OK
            assert protocol.resource_manager.has_reservation(somebody.get_id())
            assert not protocol.resource_manager.has_reservation(attacker.get_id())


async def test_row_35_circuit_outlives_its_seconds_when_nothing_passes() -> None:
    async def take(stream: INetStream) -> None:
        await read_message(stream, StopMessage)
        await write_message(stream, StopMessage(type=StopMessage.STATUS, status=Status.OK))
        await trio.sleep_forever()

    with trio.fail_after(20):
        source, target = new_host(), new_host()
        target.set_stream_handler(STOP, take)
        async with library_relay(1) as (relay, _), running(source), running(target):
            await dial(source, relay)
            await dial(target, relay)
            await ask(target, relay, HopMessage(type=HopMessage.RESERVE))
            request = HopMessage(type=HopMessage.CONNECT)
            request.peer.id = target.get_id().to_bytes()
            answer, circuit = await ask(source, relay, request)
            assert answer.status == Status.OK
            with pytest.raises(trio.TooSlowError), trio.fail_after(3):
                await circuit.read(1)


def test_row_36_circuit_address_is_cut_off_before_the_relay() -> None:
    relay = new_host().get_id()
    circuit = Multiaddr(f"/ip4/192.0.2.1/tcp/4001/p2p/{relay}/p2p-circuit")
    host = new_host(addrs_factory=lambda _: [circuit])
    assert [str(address) for address in host.get_addrs()] == [f"/ip4/192.0.2.1/tcp/4001/p2p/{host.get_id()}"]
