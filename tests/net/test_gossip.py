"""Gossip between nodes that know only the bootstrap peer, and what is refused."""

from collections import Counter
from contextlib import AsyncExitStack
from itertools import permutations

import pytest
import trio
from libp2p.abc import IHost
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import get_peer_and_seqno_msg_id
from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX, signature_validator
from libp2p.utils import encode_varint_prefixed

from p2pnode.errors import NetworkError
from p2pnode.network import open_network, pubsub
from p2pnode.network.pubsub import make_router
from p2pnode.network.settings import MAX_GOSSIP, MESH_DEGREE_HIGH
from p2pnode.ports import Gossip, Topic
from tests.net.conftest import Settings, mallory, read_until_closed

MESHSUB = "/meshsub/1.1.0"


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


async def test_publisher_keeps_to_the_rate_that_others_accept(settings: Settings) -> None:
    slow = {"origin_rate": 20.0, "origin_burst": 10}
    async with (
        open_network(settings("alice", **slow)) as alice,
        open_network(settings("bob", bootstrap=alice.addresses, **slow)) as bob,
        bob.subscribe(Topic.NODES) as inbox,
    ):
        with trio.fail_after(20):
            await alice.wait_for_mesh(bob.peer_id, Topic.NODES)
            started = trio.current_time()
            for number in range(24):
                await alice.publish(Topic.NODES, b"%d" % number)
            assert trio.current_time() - started >= (24 - 8) / 16 - 0.05
            assert len({(await anext(inbox)).data for _ in range(24)}) == 24


async def test_origin_over_its_rate_is_cut_off_and_others_are_not(settings: Settings) -> None:
    async with (
        open_network(settings("flood", origin_rate=1000.0, origin_burst=1000)) as flood,
        open_network(settings("bob", bootstrap=flood.addresses, origin_rate=0.001, origin_burst=5)) as bob,
        open_network(settings("quiet", bootstrap=bob.addresses, target_peers=1)) as quiet,
        bob.subscribe(Topic.OFFERS) as inbox,
    ):
        with trio.fail_after(20):
            await flood.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            await quiet.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            for number in range(40):
                await flood.publish(Topic.OFFERS, b"%d" % number)
            # Gossip of one peer arrives in order, so this stream's answer comes after all of it.
            await quiet.publish(Topic.OFFERS, b"still heard")
            received = []
            while b"still heard" not in received:
                received.append((await anext(inbox)).data)
        assert sum(data != b"still heard" for data in received) <= 5


class Staked:
    """Standing by a list of peer IDs."""

    def __init__(self) -> None:
        self.peers: set[str] = set()

    def vouches(self, topic: Topic, peer: str, data: bytes) -> bool:
        return peer in self.peers


async def test_strangers_are_relayed_slowly_and_the_staked_at_once(settings: Settings) -> None:
    slow = {"unvouched_rate": 0.001, "unvouched_burst": 3}
    staked = Staked()
    async with (
        open_network(settings("stranger", target_peers=1, **slow)) as stranger,
        open_network(settings("relay", bootstrap=stranger.addresses, **slow), staked) as relay,
        open_network(settings("known", bootstrap=relay.addresses, target_peers=1)) as known,
        open_network(settings("end", bootstrap=relay.addresses, target_peers=1)) as end,
        end.subscribe(Topic.OFFERS) as inbox,
    ):
        staked.peers.add(known.peer_id)
        with trio.fail_after(20):
            for node in (stranger, known, end):
                await node.wait_for_mesh(relay.peer_id, Topic.OFFERS)
            for number in range(40):
                await stranger.publish(Topic.OFFERS, b"stranger %d" % number)
            for number in range(30):
                await known.publish(Topic.OFFERS, b"known %d" % number)
            received = []
            while b"known 29" not in received:
                received.append((await anext(inbox)).data)
        assert sum(data.startswith(b"stranger") for data in received) <= 3
        assert sum(data.startswith(b"known") for data in received) == 30
        # Under the full rate it may have a stake that this node has not heard of: dropped, not blamed.
        assert not relay._connections._reputation.score(stranger.peer_id)


async def test_publisher_without_standing_keeps_to_the_low_rate(settings: Settings) -> None:
    staked = Staked()
    low = {"unvouched_rate": 25.0, "unvouched_burst": 5}
    async with open_network(settings("alice", **low), staked) as alice:
        with trio.fail_after(10):
            started = trio.current_time()
            for number in range(12):
                await alice.publish(Topic.OFFERS, b"%d" % number)
            assert trio.current_time() - started >= (12 - 4) / 20 - 0.05
            staked.peers.add(alice.peer_id)
            started = trio.current_time()
            for number in range(50):
                await alice.publish(Topic.OFFERS, b"more %d" % number)
            assert trio.current_time() - started < 2


async def test_flood_under_forged_names_uses_up_nobodys_share(settings: Settings) -> None:
    """Whoever forges costs itself: the one it names is heard as before."""
    async with (
        open_network(settings("bob", unvouched_rate=0.001, unvouched_burst=2), Staked()) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
        mallory(bob) as attacker,
    ):
        with trio.fail_after(20):
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            stream = await attacker.stream(MESHSUB)
            for number in range(3):
                message = _signed(attacker.host, b"forged %d" % number)
                message.from_id = ID.from_base58(alice.peer_id).to_bytes()
                rpc = rpc_pb2.RPC(publish=[message])
                await stream.write(encode_varint_prefixed(rpc.SerializeToString()))
            while bob._connections._reputation.score(attacker.peer_id) < 80:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await alice.publish(Topic.OFFERS, b"mine")
            assert (await anext(inbox)).data == b"mine"


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


async def test_undecodable_rpc_costs_the_peer_not_the_node(settings: Settings) -> None:
    async with (
        open_network(settings("bob")) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
        mallory(bob) as attacker,
    ):
        with trio.fail_after(20):
            for _ in range(4):
                stream = await attacker.stream(MESHSUB)
                await stream.write(encode_varint_prefixed(b"\xff\xff\xff not protobuf"))
                await read_until_closed(stream)
            # Four of them are over the limit: the peer is expelled.
            await bob.wait_disconnected(attacker.peer_id)
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            await alice.publish(Topic.OFFERS, b"alive")
            assert (await anext(inbox)).data == b"alive"


def _signed(host: IHost, data: bytes, topics: tuple[str, ...] = (Topic.OFFERS,)) -> rpc_pb2.Message:
    private = host.get_private_key()
    message = rpc_pb2.Message(
        data=data,
        topicIDs=[str(topic) for topic in topics],
        from_id=host.get_id().to_bytes(),
        seqno=bytes(8),
    )
    message.signature = private.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    return message


async def test_standing_that_raises_costs_the_message_not_the_node(settings: Settings) -> None:
    class Broken:
        def vouches(self, topic: Topic, peer: str, data: bytes) -> bool:
            if data == b"bad":
                raise KeyError("a bug")
            return True

    async with (
        open_network(settings("bob"), Broken()) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
    ):
        with trio.fail_after(10):
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            await alice.publish(Topic.OFFERS, b"bad")
            await alice.publish(Topic.OFFERS, b"good")
            assert (await anext(inbox)).data == b"good"


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


@pytest.mark.parametrize("case", ["garbage-key", "oversize", "two-topics", "bad-signature"])
async def test_bad_message_is_dropped_and_counted(settings: Settings, case: str) -> None:
    async with (
        open_network(settings("bob")) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
        mallory(bob) as attacker,
    ):
        message = _signed(attacker.host, b"bad")
        if case == "garbage-key":
            message.key = b"\xff garbage"
            message.from_id = b"\x12\x20" + bytes(32)
        elif case == "oversize":
            message = _signed(attacker.host, bytes(MAX_GOSSIP + 1))
        elif case == "two-topics":
            message = _signed(attacker.host, b"bad", topics=(Topic.OFFERS, Topic.NODES))
        else:
            message.data = b"altered"
        with trio.fail_after(20):
            stream = await attacker.stream(MESHSUB)
            await stream.write(encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString()))
            while not bob._connections._reputation.score(attacker.peer_id):  # noqa: ASYNC110
                await trio.sleep(0.01)
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            await alice.publish(Topic.OFFERS, b"alive")
            assert (await anext(inbox)).data == b"alive"
