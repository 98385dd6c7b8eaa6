"""Each of these fails when libp2p no longer needs a workaround; the numbers are rows of docs/network.md."""

import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
import trio.testing
from libp2p import new_host
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.discovery.bootstrap import bootstrap
from libp2p.discovery.events.peerDiscovery import PeerDiscovery, peerDiscovery
from libp2p.host.autonat.autonat import AutoNATService
from libp2p.host.basic_host import BasicHost
from libp2p.kad_dht import common
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
from libp2p.security.pnet import psk_conn
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from tests.net.conftest import LOOPBACK, open_sockets

LISTEN = [Multiaddr(LOOPBACK)]


async def dial(host: IHost, other: IHost) -> ID:
    info = info_from_p2p_addr(other.get_addrs()[0])
    await host.connect(info)
    return info.peer_id


@asynccontextmanager
async def running(host: IHost, *listen: Multiaddr) -> AsyncIterator[Swarm]:
    """A host as the library makes it, but closed at the end, which it does not do itself (row 7)."""
    async with host.run(listen or LISTEN):
        try:
            yield cast(Swarm, host.get_network())
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(5):
                await host.close()


async def test_row_2_closed_connection_keeps_its_slot() -> None:
    with trio.fail_after(20):
        victim, visitor = new_host(), new_host()
        async with running(victim) as swarm:
            async with running(visitor):
                await dial(visitor, victim)
                while not swarm.connections:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            while swarm.connections:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert swarm._inbound_limiter.borrowed_tokens == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_row_7_leaving_run_leaves_the_listener_open() -> None:
    before = open_sockets()
    with trio.fail_after(20):
        host = new_host()
        async with host.run(LISTEN):
            port = int(host.get_transport_addrs()[0].value_for_protocol("tcp"))
        left = open_sockets() - before
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.aclose()
        with trio.CancelScope(shield=True), trio.move_on_after(5):
            await host.close()
        assert left


@pytest.mark.deep
async def test_row_15_writer_is_reset_when_the_reader_stalls() -> None:
    with trio.fail_after(30):
        one, two = new_host(), new_host()

        async def stall(stream: INetStream) -> None:
            await trio.sleep_forever()

        one.set_stream_handler(cast(Any, "/stall"), stall)
        async with running(one), running(two):
            stream = await two.new_stream(await dial(two, one), [cast(Any, "/stall")])
            with pytest.raises(StreamError):  # noqa: PT012
                while True:
                    await stream.write(bytes(65536))


def test_row_17_mdns_calls_back_through_a_registry_of_the_process() -> None:
    assert inspect.getmodule(peerDiscovery) is not None
    assert isinstance(peerDiscovery, PeerDiscovery)


async def test_row_33_autonat_finds_everyone_reachable() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one), running(two):
            peer = await dial(one, two)
            nowhere = Multiaddr("/ip4/127.0.0.1/tcp/1").to_bytes()
            service = AutoNATService(cast(BasicHost, one), serve=False)
            assert await service._try_dial(peer, [nowhere]) == nowhere


async def test_row_9_failed_dial_blocks_the_peer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with trio.fail_after(20):
        host, other = new_host(), new_host()
        async with running(host):
            info = PeerInfo(other.get_id(), [Multiaddr(f"/ip4/127.0.0.1/tcp/{port}")])
            with pytest.raises(SwarmException, match="no addresses established"):
                await host.connect(info)
            with pytest.raises(SwarmException, match="negative cache"):
                await host.connect(info)


def test_row_10_bootstrap_gives_up_after_three_failures() -> None:
    assert "MAX_CONSECUTIVE_FAILURES = 3" in inspect.getsource(bootstrap)


async def test_row_18_connecting_does_not_fill_the_routing_table() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        first, second = KadDHT(one, DHTMode.SERVER), KadDHT(two, DHTMode.SERVER)
        services = background_trio_service(first), background_trio_service(second)
        async with services[0], services[1], running(one), running(two):
            await dial(one, two)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert first.get_routing_table_size() == second.get_routing_table_size() == 0


def test_rows_19_20_21_directory() -> None:
    dht = KadDHT(new_host(), DHTMode.CLIENT)
    assert (dht._provider_rate_max, dht._provider_rate_window) == (10, 10.0)
    find = inspect.getsource(type(dht.provider_store).find_providers)
    assert find.index("return local_providers") < find.index("find_closest_peers_network")
    assert common.PROTOCOL_ID == "/ipfs/kad/1.0.0"


def test_row_22_connections_without_encryption_are_taken() -> None:
    swarm = new_host().get_network()
    assert isinstance(swarm, Swarm)
    offered = {str(name) for name in swarm.upgrader.security_multistream.transports}
    assert {"/plaintext/2.0.0", "/secio/1.0.0"} <= offered


async def test_row_24_one_address_of_a_kind_is_dialled() -> None:
    assert "if rank not in seen_ranks:" in inspect.getsource(Swarm.dial_peer)


def test_row_26_auto_connector_aims_between_the_watermarks() -> None:
    assert "target = int((low_watermark + high_watermark) / 2)" in inspect.getsource(AutoConnector)


async def test_row_27_two_hosts_share_a_port() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one):
            taken = one.get_transport_addrs()[0]
            async with running(two, taken):
                assert two.get_transport_addrs() == [taken]


def secured(connection: INetConn) -> Any:
    """What carries a connection: every muxer has it, and their interface does not name it."""
    muxed: Any = connection.muxed_conn
    return muxed.secured_conn


async def test_row_28_cancelled_write_ends_the_connection() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one), running(two):
            peer = await dial(one, two)
            (connection,) = one.get_network().get_connections(peer)
            stream = await one.get_network().new_stream(peer)
            with trio.CancelScope() as scope:
                scope.cancel()
                await secured(connection).write(b"never sent")
            assert scope.cancelled_caught
            await stream.write(b"\x13/multistream/1.0.0\n")
            while not connection.is_closed:  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_row_29_cancelled_close_leaves_the_socket_open() -> None:
    before = open_sockets()
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one), running(two):
            (connection,) = two.get_network().get_connections(await dial(two, one))
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.close()
            assert scope.cancelled_caught
        left = open_sockets() - before
        await secured(connection).close()
        assert len(left) == 1
        assert open_sockets() <= before


def test_row_30_private_networks_are_not_those_of_the_specification() -> None:
    source = inspect.getsource(psk_conn)
    assert "os.urandom(8)" in source
    assert "Salsa20.new(key=self._psk, nonce=nonce)" in source
