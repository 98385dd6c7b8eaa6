"""What go-libp2p-pubsub's own tests (gossipsub_test.go, gossipsub_spam_test.go) ask, asked of this node.

Named after them. Left out: those of features that this node does not use (fanout to topics it is not
subscribed to, flood publishing, peer exchange, direct peers, opportunistic grafting, the v1.1 score with its
thresholds, for which `reputation` stands).
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import trio
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import get_peer_and_seqno_msg_id
from libp2p.utils import encode_varint_prefixed, read_varint_prefixed_bytes

from p2pnode.network import Network, open_network
from p2pnode.network.reputation import Offence
from p2pnode.ports import Topic
from tests.net.conftest import Mallory, Settings, mallory
from tests.net.test_gossip import MESHSUB, Staked, _signed

OFFERS = Topic.OFFERS


async def open_tree(
    stack: AsyncExitStack, settings: Settings, parents: Sequence[int | None], **changes: Any
) -> list[Network]:
    """Nodes that connect to nobody but their parent in `parents` and their children."""
    nodes: list[Network] = []
    for index, parent in enumerate(parents):
        degree = parents.count(index) + (parent is not None)
        bootstrap = () if parent is None else nodes[parent].addresses
        changed = {"target_peers": degree, "exchange_seconds": 60.0, **changes}
        nodes.append(
            await stack.enter_async_context(
                open_network(settings(f"node{index}", bootstrap=bootstrap, **changed))
            )
        )
    for index, parent in enumerate(parents):
        if parent is not None:
            await nodes[index].wait_for_mesh(nodes[parent].peer_id, OFFERS)
            await nodes[parent].wait_for_mesh(nodes[index].peer_id, OFFERS)
    return nodes


async def everyone_hears(nodes: Sequence[Network], sender: Network, data: bytes) -> None:
    async with AsyncExitStack() as stack:
        inboxes = [
            await stack.enter_async_context(node.subscribe(OFFERS)) for node in nodes if node is not sender
        ]
        await sender.publish(OFFERS, data)
        for inbox in inboxes:
            while (await anext(inbox)).data != data:
                continue


async def test_tree_topology(settings: Settings) -> None:
    """TestGossipsubTreeTopology: each of ten nodes reaches the nine others over up to six hops."""
    with trio.fail_after(60):
        async with AsyncExitStack() as stack:
            nodes = await open_tree(stack, settings, [None, 0, 1, 1, 0, 4, 5, 2, 6, 3])
            for index in (0, 7, 8, 9):
                await everyone_hears(nodes, nodes[index], b"from %d" % index)


async def test_star_topology(settings: Settings) -> None:
    """TestGossipsubStarTopology: more leaves than the mesh degree of 6, and each of them is heard by all."""
    with trio.fail_after(60):
        async with AsyncExitStack() as stack:
            nodes = await open_tree(stack, settings, [None, *[0] * 10])
            for index in (0, 3, 10):
                await everyone_hears(nodes, nodes[index], b"from %d" % index)


async def test_remove_peer(settings: Settings) -> None:
    """TestGossipsubRemovePeer: the others go on when some leave without a word."""
    with trio.fail_after(60):
        async with AsyncExitStack() as stack:
            nodes = await open_tree(stack, settings, [None, 0, 0, 0])
            async with open_network(settings("leaver", bootstrap=nodes[0].addresses)) as leaver:
                await leaver.wait_for_mesh(nodes[0].peer_id, OFFERS)
            await nodes[0].wait_disconnected(leaver.peer_id)
            await everyone_hears(nodes, nodes[2], b"still here")


async def test_score_retention(settings: Settings) -> None:
    """TestScoreRetention: leaving and coming back changes nothing of what a peer has done."""
    with trio.fail_after(20):
        async with open_network(settings("alice")) as alice:
            async with open_network(settings("bob", bootstrap=alice.addresses)) as bob:
                await alice.wait_connected(bob.peer_id)
                alice._connections.offence(bob.peer_id, Offence.WRONG_BYTES)
            await alice.wait_disconnected(bob.peer_id)
            assert alice._connections._reputation.score(bob.peer_id) > 35
            async with open_network(settings("bob", bootstrap=alice.addresses)):
                await alice.wait_connected(bob.peer_id)
                assert alice._connections._reputation.score(bob.peer_id) > 35


class Attacker:
    """Writes bare RPCs to a victim and keeps those that it gets."""

    def __init__(self) -> None:
        self.received: list[rpc_pb2.RPC] = []
        self.stream: Any = None

    async def listen(self, stream: Any) -> None:
        while True:
            data = await read_varint_prefixed_bytes(stream)
            self.received.append(rpc_pb2.RPC.FromString(data))

    async def start(self, peer: Mallory) -> None:
        self.stream = await peer.stream(MESHSUB)
        await self.send(rpc_pb2.RPC(subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=True, topicid=OFFERS)]))

    async def send(self, rpc: rpc_pb2.RPC) -> None:
        await self.stream.write(encode_varint_prefixed(rpc.SerializeToString()))

    async def control(self, **parts: Any) -> None:
        await self.send(rpc_pb2.RPC(control=rpc_pb2.ControlMessage(**parts)))

    def messages(self, data: bytes) -> int:
        return sum(message.data == data for rpc in self.received for message in rpc.publish)

    def grafts(self) -> int:
        return sum(len(rpc.control.graft) for rpc in self.received)

    def wanted(self) -> int:
        return sum(len(want.messageIDs) for rpc in self.received for want in rpc.control.iwant)


def name_of(message: rpc_pb2.Message) -> bytes:
    """The default ID of a message: its number and its signer."""
    return bytes(get_peer_and_seqno_msg_id(message))


async def test_prune(settings: Settings) -> None:
    """TestGossipsubPrune: who leaves the mesh is sent no messages, and the others go on."""
    tap = Attacker()
    with trio.fail_after(60):
        async with (
            open_network(settings("bob")) as bob,
            open_network(settings("alice", bootstrap=bob.addresses)) as alice,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(alice.peer_id, OFFERS)
            await bob.wait_for_mesh(peer.peer_id, OFFERS)
            await tap.control(prune=[rpc_pb2.ControlPrune(topicID=OFFERS, backoff=60)])
            router: Any = bob._gossip._pubsub.router
            while peer.host.get_id() in router.mesh[OFFERS]:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await everyone_hears([bob, alice], bob, b"without you")
            # Two heartbeats.
            await trio.sleep(2)
            assert tap.messages(b"without you") == 0


async def test_prune_backoff_time(settings: Settings) -> None:
    """TestGossipsubPruneBackoffTime: a pruned node comes back, and not before the time that was given."""
    tap = Attacker()
    with trio.fail_after(60):
        async with (
            open_network(settings("bob")) as bob,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            while not tap.grafts():  # noqa: ASYNC110
                await trio.sleep(0.01)
            pruned, grafts = trio.current_time(), tap.grafts()
            await tap.control(prune=[rpc_pb2.ControlPrune(topicID=OFFERS, backoff=4)])
            while tap.grafts() == grafts:  # noqa: ASYNC110
                await trio.sleep(0.01)
            # Counted in whole seconds of the clock.
            assert trio.current_time() - pruned >= 3


async def test_negative_score(settings: Settings) -> None:
    """TestGossipsubNegativeScore: nobody hears of a peer that has misbehaved any more."""
    tap = Attacker()
    with trio.fail_after(60):
        async with (
            open_network(settings("bob")) as bob,
            open_network(settings("alice", bootstrap=bob.addresses, target_peers=1)) as alice,
            alice.subscribe(OFFERS) as inbox,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(alice.peer_id, OFFERS)
            await tap.send(rpc_pb2.RPC(publish=[_signed(peer.host, b"good")]))
            assert (await anext(inbox)).data == b"good"
            reputation = bob._connections._reputation
            while not reputation.refuses(peer.peer_id):
                bob._connections.offence(peer.peer_id, Offence.WRONG_BYTES)
            with suppress(StreamError):
                await tap.send(rpc_pb2.RPC(publish=[_signed(peer.host, b"after that")]))
            await bob.wait_disconnected(peer.peer_id)
            await bob.publish(OFFERS, b"of bob")
            assert (await anext(inbox)).data == b"of bob"


async def test_attack_invalid_message_spam(settings: Settings) -> None:
    """TestGossipsubAttackInvalidMessageSpam: who sends messages with wrong signatures is expelled, and
    nobody else hears one of them."""
    tap = Attacker()
    with trio.fail_after(60):
        async with (
            open_network(settings("bob")) as bob,
            open_network(settings("alice", bootstrap=bob.addresses, target_peers=1)) as alice,
            alice.subscribe(OFFERS) as inbox,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(alice.peer_id, OFFERS)
            for number in range(100):
                message = _signed(peer.host, b"invalid %d" % number)
                message.data += b" altered"
                message.seqno = number.to_bytes(8, "big")
                try:
                    await tap.send(rpc_pb2.RPC(publish=[message]))
                except StreamError:
                    break  # it was expelled
            await bob.wait_disconnected(peer.peer_id)
            await bob.publish(OFFERS, b"after the attack")
            assert (await anext(inbox)).data == b"after the attack"


async def test_attack_spam_iwant(settings: Settings) -> None:
    """TestGossipsubAttackSpamIWANT: asking for one message for ever is answered a few times only."""
    tap = Attacker()
    with trio.fail_after(30):
        async with (
            open_network(settings("bob")) as bob,
            open_network(settings("alice", bootstrap=bob.addresses)) as alice,
            alice.subscribe(OFFERS) as inbox,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(alice.peer_id, OFFERS)
            await bob.wait_for_mesh(peer.peer_id, OFFERS)
            await bob.publish(OFFERS, b"wanted")
            while not tap.messages(b"wanted"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            (wanted,) = [m for rpc in tap.received for m in rpc.publish if m.data == b"wanted"]
            for _ in range(60):
                await tap.control(iwant=[rpc_pb2.ControlIWant(messageIDs=[name_of(wanted)])])
            await everyone_hears([bob, alice], bob, b"after the attack")
            while not tap.messages(b"after the attack"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert tap.messages(b"wanted") <= 1 + 3
            del inbox


async def test_attack_spam_ihave(settings: Settings) -> None:
    """TestGossipsubAttackSpamIHAVE: announcing messages that do not exist is believed up to a bound."""
    tap = Attacker()
    with trio.fail_after(30):
        async with (
            open_network(settings("bob")) as bob,
            open_network(settings("alice", bootstrap=bob.addresses)) as alice,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(alice.peer_id, OFFERS)
            for batch in range(100):
                names = [b"%8d" % (batch * 100 + n) + peer.host.get_id().to_bytes() for n in range(100)]
                await tap.control(ihave=[rpc_pb2.ControlIHave(topicID=OFFERS, messageIDs=names)])
            await everyone_hears([bob, alice], alice, b"after the attack")
            while not tap.messages(b"after the attack"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert tap.wanted() <= 5000


async def test_attack_graft_during_backoff(settings: Settings) -> None:
    """TestGossipsubAttackGRAFTDuringBackoff: a pruned peer does not get back in by asking again at once."""
    tap = Attacker()
    with trio.fail_after(30):
        async with (
            open_network(settings("bob")) as bob,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            await tap.start(peer)
            await bob.wait_for_mesh(peer.peer_id, OFFERS)
            router: Any = bob._gossip._pubsub.router
            await tap.control(prune=[rpc_pb2.ControlPrune(topicID=OFFERS, backoff=60)])
            attacker = peer.host.get_id()
            while attacker in router.mesh[OFFERS]:  # noqa: ASYNC110
                await trio.sleep(0.01)
            for _ in range(20):
                await tap.control(graft=[rpc_pb2.ControlGraft(topicID=OFFERS)])
            async with open_network(settings("alice", bootstrap=bob.addresses)) as alice:
                await bob.wait_for_mesh(alice.peer_id, OFFERS)
                await everyone_hears([bob, alice], bob, b"after the attack")
            assert attacker not in router.mesh[OFFERS]


async def test_validate_overload(settings: Settings) -> None:
    """TestValidateOverload: a flood from many signers through one peer does not drown the honest ones."""
    tap = Attacker()
    staked = Staked()
    with trio.fail_after(40):
        async with (
            open_network(settings("bob"), staked) as bob,
            open_network(settings("alice", bootstrap=bob.addresses)) as alice,
            bob.subscribe(OFFERS) as inbox,
            mallory(bob, {MESHSUB: tap.listen}) as peer,
        ):
            staked.peers.add(alice.peer_id)
            await tap.start(peer)
            await alice.wait_for_mesh(bob.peer_id, OFFERS)
            for number in range(300):
                message = _signed(peer.host, b"flood %d" % number)
                message.seqno = number.to_bytes(8, "big")
                message.from_id = ID(b"\x00\x24\x08\x01\x12\x20" + number.to_bytes(32, "big")).to_bytes()
                try:
                    await tap.send(rpc_pb2.RPC(publish=[message]))
                except StreamError:
                    break  # it was expelled for the first few
            for number in range(20):
                await alice.publish(OFFERS, b"honest %d" % number)
            heard = [await anext(inbox) for _ in range(20)]
            assert {gossip.peer for gossip in heard} == {alice.peer_id}
