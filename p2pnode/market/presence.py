"""What nodes say of themselves: heartbeats and model announcements, ours sent and others' remembered.

All of it is hearsay: it helps to rank bids and to find models, and nothing that is paid rests on it.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import trio

from p2pnode.background import open_background
from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.market.context import Context
from p2pnode.ports import Gossip, Topic
from p2pnode.protocol.codec import decode, encode
from p2pnode.protocol.messages import Heartbeat, ModelAnnouncement

INTERVAL = 15
"""Seconds between our heartbeats."""

_LEAST_INTERVAL = 10
_FORGET_AFTER = 4 * INTERVAL
_MOST_NODES = 4096
_MOST_MODELS = 4096

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class SeenNode:
    """The newest heartbeat of a peer and when it came."""

    peer: str
    heartbeat: Heartbeat
    seen: int


@dataclass(frozen=True, slots=True)
class SeenModel:
    """An announced model, who announced it last and when."""

    peer: str
    announcement: ModelAnnouncement
    seen: int


@dataclass(frozen=True, slots=True)
class OwnState:
    """What our next heartbeat says."""

    capacity: int
    load: int
    models: tuple[bytes, ...]


class Presence:
    """Heartbeats and announcements of this node and of others."""

    def __init__(self, context: Context, own_state: Callable[[], OwnState] | None) -> None:
        self._context = context
        self._own_state = own_state
        self._own_models: dict[bytes, ModelAnnouncement] = {}
        self._nodes: OrderedDict[str, SeenNode] = OrderedDict()
        self._models: OrderedDict[bytes, SeenModel] = OrderedDict()

    def nodes(self) -> list[SeenNode]:
        """Peers that gave a sign of life within the last minute."""
        oldest = self._context.clock.now() - _FORGET_AFTER
        return [node for node in self._nodes.values() if node.seen >= oldest]

    def models(self) -> list[SeenModel]:
        """Announced models, the newest last."""
        return list(self._models.values())

    def load(self, peer: str) -> int:
        """The load that a peer claims; 0 if it said nothing lately."""
        return next((node.heartbeat.load for node in self.nodes() if node.peer == peer), 0)

    def holders(self, model_digest: bytes) -> Sequence[str]:
        """Peers that say they have a model."""
        held = [node.peer for node in self.nodes() if model_digest in node.heartbeat.models]
        announced = self._models.get(model_digest)
        if announced is not None and announced.peer not in held:
            held.append(announced.peer)
        return held

    async def announce(self, model: ModelAnnouncement) -> None:
        """Gossip a model now and with every heartbeat from now on."""
        self._own_models[model.model_digest] = model
        await self._publish(Topic.MODELS, encode(model))

    async def run(self) -> None:
        """Send and listen until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, Topic.NODES, self._on_heartbeat)
            nursery.start_soon(self._listen, Topic.MODELS, self._on_announcement)
            while True:
                await self.beat()
                await self._context.clock.sleep(INTERVAL)

    async def beat(self) -> None:
        """Send one heartbeat and our announcements."""
        if self._own_state is not None:
            own = self._own_state()
            heartbeat = Heartbeat(self._context.account, own.capacity, own.load, own.models)
            await self._publish(Topic.NODES, encode(heartbeat))
        for model in list(self._own_models.values()):
            await self._publish(Topic.MODELS, encode(model))

    async def _publish(self, topic: Topic, data: bytes) -> None:
        try:
            await self._context.bus.publish(topic, data)
        except NetworkError as error:
            self._context.on_event("gossip.failed", topic=topic.value, error=str(error))

    async def _listen(self, topic: Topic, handle: Callable[[Gossip], None]) -> None:
        async with self._context.bus.subscribe(topic) as messages:
            async for message in messages:
                try:
                    handle(message)
                except ProtocolError as error:
                    self._context.on_event(
                        "gossip.refused", topic=topic.value, peer=message.peer, reason=str(error)
                    )

    def _on_heartbeat(self, message: Gossip) -> None:
        heartbeat = decode(message.data, Heartbeat)
        now = self._context.clock.now()
        before = self._nodes.get(message.peer)
        if before is None:
            self._context.on_event("node.seen", peer=message.peer, capacity=heartbeat.capacity)
        elif now - before.seen < _LEAST_INTERVAL:
            return
        _remember(self._nodes, message.peer, SeenNode(message.peer, heartbeat, now), _MOST_NODES)

    def _on_announcement(self, message: Gossip) -> None:
        announcement = decode(message.data, ModelAnnouncement)
        seen = SeenModel(message.peer, announcement, self._context.clock.now())
        _remember(self._models, announcement.model_digest, seen, _MOST_MODELS)


@asynccontextmanager
async def open_presence(
    context: Context, own_state: Callable[[], OwnState] | None = None
) -> AsyncIterator[Presence]:
    """Presence that runs until the context is left; without `own_state` (no worker) it only listens."""
    presence = Presence(context, own_state)
    async with open_background(presence.run):
        yield presence


def _remember(seen: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    seen[key] = value
    seen.move_to_end(key)
    if len(seen) > most:
        seen.popitem(last=False)
