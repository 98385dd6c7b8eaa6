"""The rows of docs/network.md about gossip: each test fails when libp2p no longer needs a workaround."""

import gc
import inspect
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
import trio
import trio.testing
from google.protobuf.message import DecodeError
from libp2p import new_host
from libp2p.abc import INetStream
from libp2p.peer.id import ID
from libp2p.pubsub import pubsub as library_pubsub
from libp2p.pubsub import rpc_queue
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.score import PeerScorer, ScoreParams
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils import encode_varint_prefixed

from p2pnode.network.router import make_router
from tests.net.test_library import dial, running


def default(function: object, name: str) -> object:
    return inspect.signature(function).parameters[name].default  # type: ignore[arg-type]


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


def test_row_13_asynchronous_validation_comes_before_the_message_counts_as_seen() -> None:
    source = inspect.getsource(Pubsub.push_msg)
    assert source.index("await self.validate_msg") < source.index("self._mark_msg_seen")


def test_row_16_score_is_forgotten_at_a_disconnect() -> None:
    scorer = PeerScorer(ScoreParams())
    peer = new_host().get_id()
    scorer.penalize_behavior(peer, 50)
    assert scorer.behavior_penalty[peer] == 50
    scorer.remove_peer(peer)
    assert peer not in scorer.behavior_penalty
    assert "scorer.remove_peer" in inspect.getsource(GossipSub.remove_peer)


async def test_row_31_grafts_of_one_peer_go_to_the_next() -> None:
    sent: list[tuple[ID, list[str]]] = []
    router = GossipSub([PROTOCOL_ID_V11], 6, 4, 12)

    async def note(control_msg: rpc_pb2.ControlMessage, to_peer: ID) -> None:
        sent.append((to_peer, [graft.topicID for graft in control_msg.graft]))

    router.emit_control_message = note  # type: ignore[method-assign]
    one, two = new_host().get_id(), new_host().get_id()
    await router._emit_control_msgs({one: ["a"], two: ["b"]}, {}, {})
    assert sent == [(one, ["a"]), (two, ["a", "b"])]
    sent.clear()
    ours = make_router()
    ours.emit_control_message = note  # type: ignore[method-assign]
    await ours._emit_control_msgs({one: ["a"], two: ["b"]}, {}, {})
    assert sent == [(one, ["a"]), (two, ["b"])]


def test_rows_4_5_6_11_12_defaults_of_gossip() -> None:
    assert rpc_queue.OutBoundQueueSize == 32
    assert rpc_queue.DefaultMaxMessageSize == 1 << 20
    assert library_pubsub.SUBSCRIPTION_CHANNEL_SIZE == 32
    assert default(GossipSub.__init__, "spam_protection_enabled") is True
    assert default(GossipSub.__init__, "max_messages_per_topic_per_second") == 10
    assert default(GossipSub.__init__, "heartbeat_interval") == 120
    assert default(GossipSub.__init__, "adaptive_gossip_enabled") is True


def test_row_25_delivery_times_are_kept_for_ever() -> None:
    router = GossipSub(protocols=[PROTOCOL_ID_V11], degree=6, degree_low=4, degree_high=12)
    times = router.recent_message_deliveries["topic"]
    times.extend(float(number) for number in range(10_000))
    assert len(times) == 10_000
    assert ".append(time.time())" in inspect.getsource(GossipSub.publish)


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
