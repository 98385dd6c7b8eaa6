"""Each of these fails when libp2p no longer needs a workaround; the numbers are rows of docs/network.md."""

import gc
import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import pytest
import trio
import trio.testing
from google.protobuf.message import DecodeError
from libp2p import new_host
from libp2p.abc import IHost, INetStream
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
from libp2p.pubsub import pubsub as library_pubsub
from libp2p.pubsub import rpc_queue
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.score import PeerScorer, ScoreParams
from libp2p.security.pnet import psk_conn
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils import encode_varint_prefixed
from multiaddr import Multiaddr

from p2pnode.network.pubsub import make_router
from tests.net.conftest import LOOPBACK, open_sockets

LISTEN = [Multiaddr(LOOPBACK)]


def default(function: object, name: str) -> object:
    return inspect.signature(function).parameters[name].default  # type: ignore[arg-type]


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


async def send_garbage() -> None:
    victim, attacker = new_host(), new_host()
    router = GossipSub(protocols=[PROTOCOL_ID_V11], degree=6, degree_low=4, degree_high=12)
    pubsub = Pubsub(victim, router)
    async with background_trio_service(pubsub), background_trio_service(router), running(victim):
        await pubsub.wait_until_ready()
        async with running(attacker):
            stream = await attacker.new_stream(await dial(attacker, victim), [PROTOCOL_ID_V11])
            await stream.write(encode_varint_prefixed(b"\xff\xff\xff not protobuf"))
            await trio.sleep_forever()


# A node that ends like this leaves its sockets to the garbage collector, which warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_row_1_undecodable_gossip_ends_the_node() -> None:
    undecodable = False
    with trio.fail_after(20):
        try:
            await send_garbage()
        except BaseExceptionGroup as group:
            undecodable = group.subgroup(DecodeError) is not None
    gc.collect()
    assert undecodable


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


@pytest.mark.parametrize("owner", ["validator", "handler"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_row_1_errors_of_our_own_callbacks_end_the_node(owner: str) -> None:
    def fail(*arguments: object) -> bool:
        raise KeyError("ours")

    async def run() -> None:
        one, two = new_host(), new_host()
        routers = [GossipSub([PROTOCOL_ID_V11], 6, 4, 12, heartbeat_interval=1) for _ in range(2)]
        first, second = Pubsub(one, routers[0]), Pubsub(two, routers[1])
        async with AsyncExitStack() as stack:
            for service in (first, second, *routers):
                await stack.enter_async_context(background_trio_service(service))
            await stack.enter_async_context(running(one))
            await stack.enter_async_context(running(two))
            await first.wait_until_ready()
            await second.wait_until_ready()
            peer = await dial(two, one)
            if owner == "handler":

                async def handler(stream: INetStream) -> None:
                    fail()

                one.set_stream_handler(cast(Any, "/ours"), handler)
                await two.new_stream(peer, [cast(Any, "/ours")])
            else:
                first.set_topic_validator("topic", fail, False)
                await first.subscribe("topic")
                await second.subscribe("topic")
                await second.wait_for_subscription(one.get_id(), "topic")
                await second.wait_for_mesh(one.get_id(), "topic")
                await second.publish("topic", b"data")
            await trio.sleep_forever()

    ours = False
    with trio.move_on_after(10):
        try:
            await run()
        except BaseExceptionGroup as group:
            ours = group.subgroup(KeyError) is not None
    gc.collect()
    assert ours


def test_row_3_pruned_peers_get_no_gossip_either() -> None:
    router = GossipSub([PROTOCOL_ID_V11], 6, 4, 12)
    pubsub = Pubsub(new_host(), router)
    pruned = new_host().get_id()
    pubsub.peer_topics["topic"] = {pruned}
    router.peer_protocol[pruned] = PROTOCOL_ID_V11
    assert router._get_in_topic_gossipsub_peers_from_minus("topic", 6, [], True) == [pruned]
    router._add_back_off(pruned, "topic", False)
    assert router._get_in_topic_gossipsub_peers_from_minus("topic", 6, [], True) == []
    source = inspect.getsource(GossipSub._handle_topic_heartbeat)
    assert "_get_in_topic_gossipsub_peers_from_minus" in source
    assert "True" in source[source.index("_get_in_topic_gossipsub_peers_from_minus") :][:200]


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


def test_row_13_asynchronous_validation_comes_before_the_message_counts_as_seen() -> None:
    source = inspect.getsource(Pubsub.push_msg)
    assert source.index("await self.validate_msg") < source.index("self._mark_msg_seen")


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


def test_row_16_score_is_forgotten_at_a_disconnect() -> None:
    scorer = PeerScorer(ScoreParams())
    peer = new_host().get_id()
    scorer.penalize_behavior(peer, 50)
    assert scorer.behavior_penalty[peer] == 50
    scorer.remove_peer(peer)
    assert peer not in scorer.behavior_penalty
    assert "scorer.remove_peer" in inspect.getsource(GossipSub.remove_peer)


def test_row_17_mdns_calls_back_through_a_registry_of_the_process() -> None:
    assert inspect.getmodule(peerDiscovery) is not None
    assert isinstance(peerDiscovery, PeerDiscovery)


async def test_row_31_grafts_of_one_peer_go_to_the_next() -> None:
    sent: list[tuple[ID, list[str]]] = []
    router = GossipSub([PROTOCOL_ID_V11], 6, 4, 12)

    async def note(message: rpc_pb2.ControlMessage, peer: ID) -> None:
        sent.append((peer, [graft.topicID for graft in message.graft]))

    router.emit_control_message = note  # type: ignore[method-assign]
    one, two = new_host().get_id(), new_host().get_id()
    await router._emit_control_msgs({one: ["a"], two: ["b"]}, {}, {})
    assert sent == [(one, ["a"]), (two, ["a", "b"])]
    sent.clear()
    ours = make_router()
    ours.emit_control_message = note  # type: ignore[method-assign]
    await ours._emit_control_msgs({one: ["a"], two: ["b"]}, {}, {})
    assert sent == [(one, ["a"]), (two, ["b"])]


async def test_row_37_refusing_a_peer_that_is_just_leaving_ends_the_node() -> None:
    pubsub = Pubsub(
        new_host(), GossipSub(protocols=[PROTOCOL_ID_V11], degree=6, degree_low=4, degree_high=12)
    )
    peer = new_host().get_id()

    class Leaving:
        async def reset(self) -> None:
            pubsub._handle_dead_peer(peer)

    pubsub.peers[peer] = cast(INetStream, Leaving())
    with pytest.raises(KeyError):
        await pubsub._teardown_if_connected(peer)


async def test_row_33_autonat_finds_everyone_reachable() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one), running(two):
            peer = await dial(one, two)
            nowhere = Multiaddr("/ip4/127.0.0.1/tcp/1").to_bytes()
            service = AutoNATService(cast(BasicHost, one), serve=False)
            assert await service._try_dial(peer, [nowhere]) == nowhere


def test_rows_4_5_6_11_12_defaults_of_gossip() -> None:
    assert rpc_queue.OutBoundQueueSize == 32
    assert rpc_queue.DefaultMaxMessageSize == 1 << 20
    assert library_pubsub.SUBSCRIPTION_CHANNEL_SIZE == 32
    assert default(GossipSub.__init__, "spam_protection_enabled") is True
    assert default(GossipSub.__init__, "max_messages_per_topic_per_second") == 10
    assert default(GossipSub.__init__, "heartbeat_interval") == 120
    assert default(GossipSub.__init__, "adaptive_gossip_enabled") is True


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


def test_row_25_delivery_times_are_kept_for_ever() -> None:
    router = GossipSub(protocols=[PROTOCOL_ID_V11], degree=6, degree_low=4, degree_high=12)
    times = router.recent_message_deliveries["topic"]
    times.extend(float(number) for number in range(10_000))
    assert len(times) == 10_000
    assert ".append(time.time())" in inspect.getsource(GossipSub.publish)


def test_row_26_auto_connector_aims_between_the_watermarks() -> None:
    assert "target = int((low_watermark + high_watermark) / 2)" in inspect.getsource(AutoConnector)


async def test_row_27_two_hosts_share_a_port() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one):
            taken = one.get_transport_addrs()[0]
            async with running(two, taken):
                assert two.get_transport_addrs() == [taken]


async def test_row_28_cancelled_write_ends_the_connection() -> None:
    with trio.fail_after(20):
        one, two = new_host(), new_host()
        async with running(one), running(two):
            peer = await dial(one, two)
            (connection,) = one.get_network().get_connections(peer)
            stream = await one.get_network().new_stream(peer)
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.muxed_conn.secured_conn.write(b"never sent")
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
        await connection.muxed_conn.secured_conn.close()
        assert len(left) == 1
        assert open_sockets() <= before


def test_row_30_private_networks_are_not_those_of_the_specification() -> None:
    source = inspect.getsource(psk_conn)
    assert "os.urandom(8)" in source
    assert "Salsa20.new(key=self._psk, nonce=nonce)" in source
