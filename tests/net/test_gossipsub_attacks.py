"""What go-libp2p-pubsub's tests of attacks (gossipsub_spam_test.go and others) ask, asked of this node.

Named after them.
"""

from contextlib import suppress

import trio
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import get_peer_and_seqno_msg_id

from p2pnode.network.reputation import Offence
from tests.net.conftest import Settings
from tests.net.gossip_peers import OFFERS, Staked, attacked, everyone_hears, mesh, pruned, signed


def name_of(message: rpc_pb2.Message) -> bytes:
    """The default ID of a message: its number and its signer."""
    return bytes(get_peer_and_seqno_msg_id(message))


async def test_negative_score(settings: Settings) -> None:
    """TestGossipsubNegativeScore: nobody hears of a peer that has misbehaved any more."""
    with trio.fail_after(60):
        async with (
            attacked(settings, target_peers=1) as field,
            field.alice.subscribe(OFFERS) as inbox,
        ):
            bob, peer = field.bob, field.peer
            await field.tap.send(rpc_pb2.RPC(publish=[signed(peer.host, b"good")]))
            assert (await anext(inbox)).data == b"good"
            reputation = bob._connections._reputation
            while not reputation.refuses(peer.peer_id):
                bob._connections.offence(peer.peer_id, Offence.WRONG_BYTES)
            with suppress(StreamError):
                await field.tap.send(rpc_pb2.RPC(publish=[signed(peer.host, b"after that")]))
            await bob.wait_disconnected(peer.peer_id)
            await bob.publish(OFFERS, b"of bob")
            assert (await anext(inbox)).data == b"of bob"


async def test_attack_invalid_message_spam(settings: Settings) -> None:
    """TestGossipsubAttackInvalidMessageSpam: who sends messages with wrong signatures is expelled, and
    nobody else hears one of them."""
    with trio.fail_after(60):
        async with (
            attacked(settings, target_peers=1) as field,
            field.alice.subscribe(OFFERS) as inbox,
        ):
            for number in range(100):
                message = signed(field.peer.host, b"invalid %d" % number)
                message.data += b" altered"
                message.seqno = number.to_bytes(8, "big")
                try:
                    await field.tap.send(rpc_pb2.RPC(publish=[message]))
                except StreamError:
                    break  # it was expelled
            await field.bob.wait_disconnected(field.peer.peer_id)
            await field.bob.publish(OFFERS, b"after the attack")
            assert (await anext(inbox)).data == b"after the attack"


async def test_attack_spam_iwant(settings: Settings) -> None:
    """TestGossipsubAttackSpamIWANT: asking for one message for ever is answered a few times only."""
    with trio.fail_after(30):
        async with attacked(settings) as field:
            bob, tap = field.bob, field.tap
            await bob.wait_for_mesh(field.peer.peer_id, OFFERS)
            await bob.publish(OFFERS, b"wanted")
            while not tap.messages(b"wanted"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            (wanted,) = [m for rpc in tap.received for m in rpc.publish if m.data == b"wanted"]
            for _ in range(60):
                await tap.control(iwant=[rpc_pb2.ControlIWant(messageIDs=[name_of(wanted)])])
            await everyone_hears([bob, field.alice], bob, b"after the attack")
            while not tap.messages(b"after the attack"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert tap.messages(b"wanted") <= 1 + 3


async def test_attack_spam_ihave(settings: Settings) -> None:
    """TestGossipsubAttackSpamIHAVE: announcing messages that do not exist is believed up to a bound."""
    with trio.fail_after(30):
        async with attacked(settings) as field:
            tap, attacker = field.tap, field.peer.host.get_id().to_bytes()
            for batch in range(100):
                names = [b"%8d" % (batch * 100 + n) + attacker for n in range(100)]
                await tap.control(ihave=[rpc_pb2.ControlIHave(topicID=OFFERS, messageIDs=names)])
            await everyone_hears([field.bob, field.alice], field.alice, b"after the attack")
            while not tap.messages(b"after the attack"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert tap.wanted() <= 5000


async def test_attack_graft_during_backoff(settings: Settings) -> None:
    """TestGossipsubAttackGRAFTDuringBackoff: a pruned peer does not get back in by asking again at once."""
    with trio.fail_after(30):
        async with attacked(settings) as field:
            await pruned(field, 60)
            for _ in range(20):
                await field.tap.control(graft=[rpc_pb2.ControlGraft(topicID=OFFERS)])
            async with field.bob.subscribe(OFFERS) as inbox:
                # The attacker's stream is read in order, and this comes after all of it.
                await field.tap.send(rpc_pb2.RPC(publish=[signed(field.peer.host, b"after the attack")]))
                assert (await anext(inbox)).data == b"after the attack"
            assert field.peer.host.get_id() not in mesh(field.bob)


async def test_validate_overload(settings: Settings) -> None:
    """TestValidateOverload: a flood from many signers through one peer does not drown the honest ones."""
    staked = Staked()
    with trio.fail_after(40):
        async with (
            attacked(settings, staked) as field,
            field.bob.subscribe(OFFERS) as inbox,
        ):
            staked.peers.add(field.alice.peer_id)
            for number in range(300):
                message = signed(field.peer.host, b"flood %d" % number)
                message.seqno = number.to_bytes(8, "big")
                message.from_id = ID(b"\x00\x24\x08\x01\x12\x20" + number.to_bytes(32, "big")).to_bytes()
                try:
                    await field.tap.send(rpc_pb2.RPC(publish=[message]))
                except StreamError:
                    break  # it was expelled for the first few
            for number in range(20):
                await field.alice.publish(OFFERS, b"honest %d" % number)
            heard = [await anext(inbox) for _ in range(20)]
            assert {gossip.peer for gossip in heard} == {field.alice.peer_id}
