"""The node among foreign libp2p implementations: join, gossip, relay, ping, identify, models both ways."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from p2pnode.network import Network, create_psk, open_network
from p2pnode.ports import Gossip, Topic
from tests.interop import peers
from tests.interop.foreign import Foreign, running
from tests.net.conftest import Settings, settings

__all__ = ["settings"]

OFFERS = Topic.OFFERS
BODY = b"".join(number.to_bytes(4, "big") for number in range(600_000))
DIGEST = hashlib.sha256(BODY).digest()


DEEP = [pytest.mark.deep]


@pytest.fixture(
    scope="module",
    params=[peers.js, pytest.param(peers.go, marks=DEEP), pytest.param(peers.rust, marks=DEEP)],
    ids=["js", "go", "rust"],
)
def command(request: pytest.FixtureRequest) -> list[str | Path]:
    """How to start a foreign peer, which is built first."""
    make: Callable[[], list[str | Path]] = request.param
    return make()


async def test_it_joins_and_both_sides_know_each_other(settings: Settings, command: list[str | Path]) -> None:
    async with open_network(settings("alice")) as alice, running(command) as foreign:
        with trio.fail_after(20):
            joined = await foreign.do("dial", address=alice.addresses[0])
            assert joined["peer"] == alice.peer_id
            await alice.wait_connected(foreign.peer_id)
            assert (await foreign.do("ping", peer=alice.peer_id))["milliseconds"] < 5000
            told = await foreign.do("identify", peer=alice.peer_id)
            assert {"/meshsub/1.1.0", "/p2pnode/blob/1", "/ipfs/ping/1.0.0"} <= set(told["protocols"])
            while foreign.address.partition("/p2p/")[0] not in alice.addresses_of(foreign.peer_id):  # noqa: ASYNC110
                await trio.sleep(0.05)


async def test_the_node_dials_it_as_a_bootstrap_peer(settings: Settings, command: list[str | Path]) -> None:
    async with (
        running(command) as foreign,
        open_network(settings("alice", bootstrap=(foreign.address,))) as alice,
    ):
        with trio.fail_after(20):
            await alice.wait_connected(foreign.peer_id)
            await alice.wait_for_mesh(foreign.peer_id, OFFERS)


async def test_gossip_goes_both_ways(settings: Settings, command: list[str | Path]) -> None:
    async with (
        open_network(settings("alice")) as alice,
        running(command) as foreign,
        alice.subscribe(OFFERS) as inbox,
    ):
        with trio.fail_after(20):
            await _meet(alice, foreign)
            await alice.publish(OFFERS, b"from the node")
            assert await foreign.wait_message(OFFERS, b"from the node") == alice.peer_id
            await foreign.do("publish", topic=OFFERS, data=b"from abroad".hex())
            assert await anext(inbox) == Gossip(foreign.peer_id, b"from abroad")
            large = bytes(range(256)) * 250
            await alice.publish(OFFERS, large)
            assert await foreign.wait_message(OFFERS, large) == alice.peer_id


async def test_it_relays_offers_between_nodes_that_know_only_it(
    settings: Settings, command: list[str | Path]
) -> None:
    async with running(command) as foreign:
        only = {"bootstrap": (foreign.address,), "target_peers": 1}
        async with (
            open_network(settings("alice", **only)) as alice,
            open_network(settings("bob", **only)) as bob,
            bob.subscribe(OFFERS) as inbox,
        ):
            with trio.fail_after(30):
                for node in (alice, bob):
                    await node.wait_for_mesh(foreign.peer_id, OFFERS)
                    await foreign.wait_mesh(OFFERS, node.peer_id)
                sent = [b"offer %d" % number for number in range(20)]
                for data in sent:
                    await alice.publish(OFFERS, data)
                got = [await anext(inbox) for _ in sent]
                assert sorted(gossip.data for gossip in got) == sorted(sent)
                assert {gossip.peer for gossip in got} == {alice.peer_id}
            assert bob.peers() == [foreign.peer_id]


async def test_it_fetches_a_model_from_the_node(
    settings: Settings, command: list[str | Path], tmp_path: Path
) -> None:
    async with open_network(settings("alice")) as alice, running(command) as foreign:
        with trio.fail_after(30):
            assert await alice.blobs.put(BODY) == DIGEST
            await foreign.do("dial", address=alice.addresses[0])
            path = tmp_path / "fetched"
            got = await foreign.do("fetch", peer=alice.peer_id, digest=DIGEST.hex(), path=str(path))
        assert got["size"] == len(BODY)
        assert path.read_bytes() == BODY


async def test_the_node_fetches_a_model_from_it(
    settings: Settings, command: list[str | Path], tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(BODY)
    async with (
        running(command) as foreign,
        open_network(settings("alice", bootstrap=(foreign.address,))) as alice,
    ):
        with trio.fail_after(30):
            assert (await foreign.do("serve", path=str(model)))["digest"] == DIGEST.hex()
            path = await alice.blobs.get(DIGEST, max_size=len(BODY), peers=[foreign.peer_id])
        assert path.read_bytes() == BODY


@pytest.mark.deep
async def test_private_network_with_go(settings: Settings, tmp_path: Path) -> None:
    """Our XSalsa20 and go-libp2p's, by one swarm.key; the library's own has never spoken to another."""
    key = tmp_path / "swarm.key"
    create_psk(key)
    private = settings("alice", psk_path=key)
    async with (
        open_network(private) as alice,
        running(peers.go(), P2PNODE_PSK=str(key)) as foreign,
        alice.subscribe(OFFERS) as inbox,
    ):
        with trio.fail_after(30):
            await _meet(alice, foreign)
            await foreign.do("publish", topic=OFFERS, data=b"among us".hex())
            assert await anext(inbox) == Gossip(foreign.peer_id, b"among us")
            await alice.blobs.put(BODY)
            path = tmp_path / "fetched"
            await foreign.do("fetch", peer=alice.peer_id, digest=DIGEST.hex(), path=str(path))
        assert path.read_bytes() == BODY
        async with running(peers.go()) as public:
            with trio.fail_after(30), pytest.raises(AssertionError, match="dial"):
                await public.do("dial", address=alice.addresses[0])


async def _meet(alice: Network, foreign: Foreign) -> None:
    await foreign.do("dial", address=alice.addresses[0])
    await alice.wait_for_mesh(foreign.peer_id, OFFERS)
    await foreign.wait_mesh(OFFERS, alice.peer_id)
