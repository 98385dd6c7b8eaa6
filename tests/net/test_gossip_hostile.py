"""One bad message costs the peer that sent it, not the node."""

import pytest
import trio
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from p2pnode.network import open_network
from p2pnode.network.settings import MAX_GOSSIP
from p2pnode.ports import Topic
from tests.net.conftest import Settings, mallory, read_until_closed
from tests.net.gossip_peers import MESHSUB, signed


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


async def test_standing_that_raises_costs_the_message_not_the_node(settings: Settings) -> None:
    class Broken:
        def backer(self, topic: Topic, peer: str, data: bytes) -> str | None:
            if data == b"bad":
                raise KeyError("a bug")
            return peer

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


@pytest.mark.parametrize("case", ["garbage-key", "oversize", "two-topics", "bad-signature"])
async def test_bad_message_is_dropped_and_counted(settings: Settings, case: str) -> None:
    async with (
        open_network(settings("bob")) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
        mallory(bob) as attacker,
    ):
        message = signed(attacker.host, b"bad")
        if case == "garbage-key":
            message.key = b"\xff garbage"
            message.from_id = b"\x12\x20" + bytes(32)
        elif case == "oversize":
            message = signed(attacker.host, bytes(MAX_GOSSIP + 1))
        elif case == "two-topics":
            message = signed(attacker.host, b"bad", topics=(Topic.OFFERS, Topic.NODES))
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
