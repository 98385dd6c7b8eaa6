"""Gossip between nodes that know only the bootstrap peer: what arrives, once and at what cost."""

from collections import Counter
from contextlib import AsyncExitStack
from itertools import permutations

import pytest
import trio
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import get_peer_and_seqno_msg_id
from libp2p.pubsub.validators import signature_validator

from p2pnode.errors import NetworkError
from p2pnode.network import open_network, pubsub
from p2pnode.network.router import make_router
from p2pnode.network.settings import MAX_GOSSIP, MESH_DEGREE_HIGH
from p2pnode.ports import Gossip, Topic
from tests.net.conftest import Settings
from tests.net.gossip_peers import MESHSUB


async def test_gossip_reaches_both_ways_through_the_bootstrap_peer(settings: Settings) -> None:
    async with open_network(settings("boot")) as boot:
        only = {"bootstrap": boot.addresses, "target_peers": 1}
        async with (
            open_network(settings("alice", **only)) as alice,
            open_network(settings("bob", **only)) as bob,
            alice.subscribe(Topic.OFFERS) as to_alice,
            bob.subscribe(Topic.OFFERS) as to_bob,
        ):
            with trio.fail_after(10):
                await alice.wait_for_mesh(boot.peer_id, Topic.OFFERS)
                await bob.wait_for_mesh(boot.peer_id, Topic.OFFERS)
                await alice.publish(Topic.OFFERS, b"from alice")
                assert await anext(to_bob) == Gossip(alice.peer_id, b"from alice")
                await bob.publish(Topic.OFFERS, b"from bob")
                assert await anext(to_alice) == Gossip(bob.peer_id, b"from bob")
            assert alice.peers() == [boot.peer_id]


async def test_burst_of_300_messages_all_arrive(settings: Settings) -> None:
    fast = {"origin_rate": 1000.0, "origin_burst": 400}
    async with (
        open_network(settings("alice", **fast)) as alice,
        open_network(settings("bob", bootstrap=alice.addresses, **fast)) as bob,
        bob.subscribe(Topic.MODELS) as inbox,
    ):
        with trio.fail_after(30):
            await alice.wait_for_mesh(bob.peer_id, Topic.MODELS)
            sent = [b"model %d" % number for number in range(300)]
            for data in sent:
                await alice.publish(Topic.MODELS, data)
            received = [(await anext(inbox)).data for _ in sent]
        assert sorted(received) == sorted(sent)


async def test_same_bytes_twice_are_one_message(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        bob.subscribe(Topic.OFFERS) as inbox,
    ):
        with trio.fail_after(10):
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            for data in (b"one", b"one", b"two"):
                await alice.publish(Topic.OFFERS, data)
            assert [(await anext(inbox)).data for _ in range(2)] == [b"one", b"two"]


async def test_one_check_of_a_signature_for_all_copies(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def check(message: rpc_pb2.Message) -> bool:
        checked.append(message.from_id + message.seqno)
        return signature_validator(message)

    monkeypatch.setattr(pubsub, "signature_validator", check)
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(open_network(settings("node0")))]
        for number in range(1, 4):
            node = settings(f"node{number}", bootstrap=nodes[0].addresses)
            nodes.append(await stack.enter_async_context(open_network(node)))
        inboxes = [await stack.enter_async_context(node.subscribe(Topic.OFFERS)) for node in nodes[1:]]
        with trio.fail_after(30):
            for one, other in permutations(nodes, 2):
                await one.wait_for_mesh(other.peer_id, Topic.OFFERS)
            for number in range(5):
                await nodes[0].publish(Topic.OFFERS, b"%d" % number)
            for inbox in inboxes:
                assert {(await anext(inbox)).data for _ in range(5)} == {b"%d" % n for n in range(5)}
            # The last copies.
            await trio.sleep(0.5)
    # Each of three nodes gets each of five messages from up to three peers.
    assert Counter(Counter(checked).values()) == {3: 5}


async def test_own_oversize_message_is_refused_with_the_remedy(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice:
        with pytest.raises(NetworkError, match=rf"{MAX_GOSSIP + 1} bytes is over {MAX_GOSSIP}.*blob"):
            await alice.publish(Topic.OFFERS, bytes(MAX_GOSSIP + 1))


async def test_subscriber_that_stalls_gets_what_it_missed(settings: Settings) -> None:
    fast = {"origin_rate": 1000.0, "origin_burst": 400}
    async with (
        open_network(settings("alice", **fast)) as alice,
        open_network(settings("bob", bootstrap=alice.addresses, **fast)) as bob,
        bob.subscribe(Topic.OFFERS) as stalled,
        bob.subscribe(Topic.OFFERS) as reading,
    ):
        with trio.fail_after(20):
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            for number in range(100):
                await alice.publish(Topic.OFFERS, b"%d" % number)
            while (await anext(reading)).data != b"99":
                continue
            assert [int((await anext(stalled)).data) for _ in range(100)] == list(range(100))


def test_the_router_has_the_measured_settings() -> None:
    router = make_router()
    assert (router.heartbeat_interval, router.adaptive_gossip_enabled) == (1, False)
    assert router.degree_high == MESH_DEGREE_HIGH == 64
    assert not router.spam_protection_enabled
    assert router.protocols == [MESHSUB]
    router.recent_message_deliveries["topic"].extend(range(10_000))
    assert len(router.recent_message_deliveries["topic"]) == 64


async def test_our_validators_are_synchronous_and_the_message_id_is_the_default(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice:
        gossip = alice._gossip._pubsub
        assert not any(validator.is_async for validator in gossip.topic_validators.values())
        assert set(gossip.topic_validators) == {str(topic) for topic in Topic}
        assert gossip._msg_id_constructor is get_peer_and_seqno_msg_id
