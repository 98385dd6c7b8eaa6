"""What go-libp2p-pubsub's own tests (gossipsub_test.go) ask, asked of this node; attacks are in
test_gossipsub_attacks.

Named after them. Left out: those of features that this node does not use (fanout to topics it is not
subscribed to, flood publishing, peer exchange, direct peers, opportunistic grafting, the v1.1 score with its
thresholds, for which `reputation` stands).
"""

from contextlib import AsyncExitStack

import trio

from p2pnode.network import open_network
from p2pnode.network.reputation import Offence
from tests.net.conftest import Settings
from tests.net.gossip_peers import OFFERS, attacked, everyone_hears, open_tree, pruned


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


async def test_prune(settings: Settings) -> None:
    """TestGossipsubPrune: who leaves the mesh is sent no messages, and the others go on."""
    with trio.fail_after(60):
        async with attacked(settings) as field:
            await pruned(field, 60)
            await everyone_hears([field.bob, field.alice], field.bob, b"without you")
            # Two heartbeats.
            await trio.sleep(2)
            assert field.tap.messages(b"without you") == 0


async def test_prune_backoff_time(settings: Settings) -> None:
    """TestGossipsubPruneBackoffTime: a pruned node comes back, and not before the time that was given."""
    with trio.fail_after(60):
        async with attacked(settings) as field:
            started = trio.current_time()
            grafts = await pruned(field, 4)
            while field.tap.grafts() == grafts:  # noqa: ASYNC110
                await trio.sleep(0.01)
            # Counted in whole seconds of the clock.
            assert trio.current_time() - started >= 3
