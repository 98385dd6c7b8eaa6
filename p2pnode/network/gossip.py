"""The gossip half of the bus: publishing at a pace that arrives, and handing messages to subscribers."""

import hashlib
import math
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import trio
from libp2p.abc import ISubscriptionAPI
from libp2p.peer.id import ID

from p2pnode.errors import NetworkError
from p2pnode.network.limits import Recent
from p2pnode.network.origin_limits import OriginLimits
from p2pnode.network.pubsub import GuardedPubsub
from p2pnode.network.settings import MAX_GOSSIP
from p2pnode.ports import Gossip, Topic

log = structlog.get_logger("p2pnode.network")

QUEUE_DEPTH = 8
"""RPCs that may wait for a peer when we publish; measured: 300 of 300 arrive (row 4)."""
ROOM_SECONDS = 2.0
SUBSCRIBER_QUEUE = 1024
REPEAT_SECONDS = 10.0
"""The same bytes from the same signer within this time are one message; under the heartbeat's 15 s."""


class GossipBus:
    """Every topic is always subscribed, so that this node relays also what nobody here listens to."""

    def __init__(self, pubsub: GuardedPubsub, own_limits: OriginLimits) -> None:
        self._pubsub = pubsub
        self._limits = own_limits
        self._recent = Recent(REPEAT_SECONDS, trio.current_time)
        self._subscribers: dict[Topic, set[trio.MemorySendChannel[Gossip]]] = defaultdict(set)
        self._subscriptions: dict[Topic, ISubscriptionAPI] = {}
        self._publishing = trio.Lock()

    async def join(self) -> None:
        """Subscribe to every topic."""
        for topic in Topic:
            self._subscriptions[topic] = await self._pubsub.subscribe(str(topic))

    async def run(self) -> None:
        """Deliver what arrives, from `join` on, until cancelled."""
        async with trio.open_nursery() as nursery:
            for topic, subscription in self._subscriptions.items():
                nursery.start_soon(self._pump, topic, subscription)

    async def _pump(self, topic: Topic, subscription: ISubscriptionAPI) -> None:
        # Row 11: the library keeps 32 messages for a subscriber and drops the rest, so nothing in this
        # loop waits for anything but the next message.
        own = self._pubsub.my_id.to_bytes()
        while True:
            message = await subscription.get()
            origin, data = bytes(message.from_id), bytes(message.data)
            # Row 14: a content-based message ID costs twelve times the IWANTs, so copies go here.
            if origin == own or not self._recent.first((topic, origin, hashlib.sha256(data).digest())):
                continue
            gossip = Gossip(ID(origin).to_base58(), data)
            for subscriber in tuple(self._subscribers[topic]):
                try:
                    subscriber.send_nowait(gossip)
                except trio.WouldBlock:
                    log.warning("gossip.subscriber_full", topic=str(topic), peer=gossip.peer)
                except trio.BrokenResourceError:
                    self._subscribers[topic].discard(subscriber)

    async def publish(self, topic: Topic, data: bytes) -> None:
        """Gossip `data`, waiting for our own share of the network's rate and for room in every queue."""
        if len(data) > MAX_GOSSIP:
            raise NetworkError(
                f"a gossip message of {len(data)} bytes is over {MAX_GOSSIP}: gossip a digest, serve a blob"
            )
        async with self._publishing:
            own = self._pubsub.my_id.to_bytes()
            await trio.sleep(self._limits.wait(topic, own, data))
            self._limits.take(topic, own, data)
            await self._pubsub.wait_for_room(QUEUE_DEPTH, ROOM_SECONDS)
            try:
                await self._pubsub.publish(str(topic), data)
            except Exception as error:
                raise NetworkError(f"gossip on {topic} failed: {error}") from error

    @asynccontextmanager
    async def subscribe(self, topic: Topic) -> AsyncIterator[AsyncIterator[Gossip]]:
        """Messages of other peers from here on; the oldest wait, the newest are dropped when 1024 do."""
        send, receive = trio.open_memory_channel[Gossip](SUBSCRIBER_QUEUE)
        self._subscribers[topic].add(send)
        try:
            async with receive:
                yield receive
        finally:
            self._subscribers[topic].discard(send)
            send.close()

    async def wait_for_mesh(self, peer: str, topic: Topic, timeout: float = 10.0) -> None:
        """Wait until `peer` is in our mesh of `topic`; NetworkError when it is not in time."""
        try:
            await self._pubsub.wait_for_mesh(ID.from_base58(peer), str(topic), timeout=timeout)
        except trio.TooSlowError as error:
            waited = math.ceil(timeout)
            raise NetworkError(f"peer {peer} did not join the mesh of {topic} within {waited} s") from error
