"""What tests of gossip share: standing by a list, trees of nodes, and an attacker that writes bare RPCs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio
from libp2p.abc import IHost
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed, read_varint_prefixed_bytes

from benchmarks.flood_strangers import signed_gossip
from p2pnode.network import Network, open_network
from p2pnode.ports import Standing, Topic
from tests.net.conftest import Mallory, Settings, mallory

MESHSUB = "/meshsub/1.1.0"
OFFERS = Topic.OFFERS


class Staked:
    """Standing by a list of peer IDs."""

    def __init__(self) -> None:
        self.peers: set[str] = set()

    def backer(self, topic: Topic, peer: str, data: bytes) -> str | None:
        return peer if peer in self.peers else None


def signed(host: IHost, data: bytes, topics: tuple[str, ...] = (Topic.OFFERS,)) -> rpc_pb2.Message:
    """A message that the host signs."""
    return signed_gossip(host.get_private_key(), data, topics=topics)


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


@dataclass(frozen=True)
class Attacked:
    """bob, whom the attacker is connected to, and alice, who knows bob only."""

    bob: Network
    alice: Network
    peer: Mallory
    tap: Attacker


@asynccontextmanager
async def attacked(
    settings: Settings,
    standing: Standing | None = None,
    of_bob: Mapping[str, Any] | None = None,
    **of_alice: Any,
) -> AsyncIterator[Attacked]:
    """Both nodes and the attacker, alice in bob's mesh; `standing` is bob's, the rest are settings."""
    tap = Attacker()
    async with (
        open_network(settings("bob", **(of_bob or {})), standing) as bob,
        open_network(settings("alice", bootstrap=bob.addresses, **of_alice)) as alice,
        mallory(bob, {MESHSUB: tap.listen}) as peer,
    ):
        await tap.start(peer)
        await bob.wait_for_mesh(alice.peer_id, OFFERS)
        await alice.wait_for_mesh(bob.peer_id, OFFERS)
        yield Attacked(bob, alice, peer, tap)


def mesh(node: Network) -> set[ID]:
    """The peers in a node's mesh of offers."""
    router: Any = node._gossip._pubsub.router
    return set(router.mesh[OFFERS])


async def pruned(field: Attacked, backoff: int) -> int:
    """Have the attacker, once it is in bob's mesh, leave it for `backoff` seconds; how often bob had asked it
    in until then."""
    while field.peer.host.get_id() not in mesh(field.bob) or not field.tap.grafts():  # noqa: ASYNC110
        await trio.sleep(0.01)
    grafts = field.tap.grafts()
    await field.tap.control(prune=[rpc_pb2.ControlPrune(topicID=OFFERS, backoff=backoff)])
    while field.peer.host.get_id() in mesh(field.bob):  # noqa: ASYNC110
        await trio.sleep(0.01)
    return grafts
