"""How much each signer may gossip, and what those who have nothing to lose cost everybody else."""

from contextlib import suppress
from typing import Any

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.host.exceptions import StreamFailure
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from benchmarks.flood_strangers import signed_gossip
from p2pnode.network import open_network
from p2pnode.network.pubsub import MOST_STREAMS, REFUSED_BURST, REFUSED_RATE
from p2pnode.ports import Topic
from tests.net.conftest import Settings, mallory, read_until_closed
from tests.net.gossip_peers import MESHSUB, OFFERS, Staked, attacked, signed


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


async def test_strangers_are_relayed_slowly_and_the_staked_at_once(settings: Settings) -> None:
    slow = {"unbacked_rate": 0.001, "unbacked_burst": 3}
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
    low = {"unbacked_rate": 25.0, "unbacked_burst": 5}
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
        open_network(settings("bob", unbacked_rate=0.001, unbacked_burst=2), Staked()) as bob,
        open_network(settings("alice", bootstrap=bob.addresses)) as alice,
        bob.subscribe(Topic.OFFERS) as inbox,
        mallory(bob) as attacker,
    ):
        with trio.fail_after(20):
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            stream = await attacker.stream(MESHSUB)
            for number in range(3):
                message = signed(attacker.host, b"forged %d" % number)
                message.from_id = ID.from_base58(alice.peer_id).to_bytes()
                rpc = rpc_pb2.RPC(publish=[message])
                await stream.write(encode_varint_prefixed(rpc.SerializeToString()))
            while bob._connections._reputation.score(attacker.peer_id) < 80:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await alice.publish(Topic.OFFERS, b"mine")
            assert (await anext(inbox)).data == b"mine"


async def test_peer_whose_messages_are_refused_is_read_no_faster_than_it_may_be_wrong(
    settings: Settings,
) -> None:
    """A flood waits in its own sockets; everybody else is heard meanwhile."""
    staked, over = Staked(), 60
    with trio.fail_after(60):
        async with (
            attacked(settings, staked, {"all_unbacked_rate": 0.001}) as field,
            field.bob.subscribe(OFFERS) as inbox,
        ):
            staked.peers |= {field.alice.peer_id, field.peer.peer_id}
            strangers = field.bob._gossip._pubsub._limits._all
            while strangers.take("all"):
                continue
            started = trio.current_time()
            for number in range(REFUSED_BURST + over):
                message = signed_gossip(create_new_key_pair().private_key, b"flood %d" % number)
                await field.tap.send(rpc_pb2.RPC(publish=[message]))
            await field.tap.send(rpc_pb2.RPC(publish=[signed(field.peer.host, b"after its flood")]))
            await field.alice.publish(OFFERS, b"honest")
            heard = [(await anext(inbox)).data for _ in range(2)]
            assert heard == [b"honest", b"after its flood"]
            assert trio.current_time() - started >= (over - 2) / REFUSED_RATE
            assert not field.bob._connections._reputation.score(field.peer.peer_id), "it may be a relay"


async def test_peer_has_a_few_streams_of_gossip(settings: Settings) -> None:
    with trio.fail_after(30):
        async with (
            open_network(settings("bob")) as bob,
            bob.subscribe(OFFERS) as inbox,
            mallory(bob) as peer,
        ):
            streams = [await peer.stream(MESHSUB) for _ in range(MOST_STREAMS)]
            # The reset may come before the protocol is agreed.
            with suppress(StreamFailure):
                assert await read_until_closed(await peer.stream(MESHSUB)) == b""
            await streams[0].close()
            while len(bob._gossip._pubsub._streams[peer.host.get_id()]) == MOST_STREAMS:  # noqa: ASYNC110
                await trio.sleep(0.01)
            streams[0] = await peer.stream(MESHSUB)
            for number, stream in enumerate(streams):
                message = signed_gossip(peer.host.get_private_key(), b"%d" % number, number)
                await stream.write(encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString()))
            assert {(await anext(inbox)).data for _ in streams} == {b"%d" % n for n in range(MOST_STREAMS)}


async def test_peer_that_keeps_opening_streams_of_gossip_is_expelled(settings: Settings) -> None:
    with trio.fail_after(30):
        async with open_network(settings("bob")) as bob, mallory(bob) as peer:
            reputation, name = bob._connections._reputation, peer.host.get_id().to_base58()
            for _ in range(MOST_STREAMS):
                await peer.stream(MESHSUB)
            assert not reputation.score(name)
            while not reputation.refuses(name):
                with suppress(StreamFailure):
                    await read_until_closed(await peer.stream(MESHSUB))
            await bob._connections.wait_disconnected(peer.host.get_id())
            assert reputation.refuses(name)


async def test_peer_that_does_not_read_is_waited_for_once(settings: Settings) -> None:
    async with open_network(settings("bob")) as bob:
        pubsub = bob._gossip._pubsub
        # Of a queue, only how many wait in it is looked at.
        waiting: Any = [None] * 9
        pubsub.peer_queues[ID(b"deaf")] = waiting

        async def waits() -> bool:
            started = trio.current_time()
            await pubsub.wait_for_room(8, 0.2)
            return trio.current_time() - started >= 0.2

        assert await waits()
        assert not await waits(), "it was waited for in vain"
        waiting.clear()
        assert not await waits()
        waiting.extend([None] * 9)
        assert await waits(), "it had read again"
        del pubsub.peer_queues[ID(b"deaf")]
