"""The library's gossip router with our settings, which gives each peer what is its own, and not for ever."""

import time
from collections import defaultdict, deque
from typing import Any, TypeVar, cast

from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2

from p2pnode.network.limits import RateLimit
from p2pnode.network.settings import MESH_DEGREE_HIGH, SEEN_SECONDS

V = TypeVar("V")

ANSWERS = 3
"""How often one peer is sent one message on IWANT (go-libp2p-pubsub: GossipRetransmission)."""


def _short() -> deque[float]:
    return deque(maxlen=64)


class GuardedGossipSub(GossipSub):
    """`GossipSub` that gives each peer what is its own, and not for ever."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answered = RateLimit(1 / SEEN_SECONDS, ANSWERS, time.monotonic, keys=8192)

    async def handle_iwant(self, iwant_msg: rpc_pb2.ControlIWant, sender_peer_id: ID) -> None:
        """Row 32: the library sends a message as often as it is asked for, up to a rate."""
        wanted = [name for name in iwant_msg.messageIDs if self._answered.take((sender_peer_id, name))]
        if wanted:
            await super().handle_iwant(rpc_pb2.ControlIWant(messageIDs=wanted), sender_peer_id)

    async def _emit_control_msgs(
        self,
        peers_to_graft: dict[ID, list[str]],
        peers_to_prune: dict[ID, list[str]],
        peers_to_gossip: dict[ID, dict[str, list[bytes]]],
    ) -> None:
        # Row 31: the library puts the GRAFTs of each peer into the messages to all that follow it.
        for peer in {**peers_to_graft, **peers_to_prune, **peers_to_gossip}:
            await super()._emit_control_msgs(
                _only(peer, peers_to_graft), _only(peer, peers_to_prune), _only(peer, peers_to_gossip)
            )


def _only(peer: ID, found: dict[ID, V]) -> dict[ID, V]:
    return {peer: found[peer]} if peer in found else {}


def make_router() -> GossipSub:
    """The router with the measured settings: rows 3 (degree), 5 (spam filter) and 6 (heartbeat)."""
    router = GuardedGossipSub(
        protocols=[PROTOCOL_ID_V11],
        degree=6,
        degree_low=4,
        degree_high=MESH_DEGREE_HIGH,
        heartbeat_interval=1,
        adaptive_gossip_enabled=False,
        spam_protection_enabled=False,
    )
    # Row 25: with adaptive gossip off nothing ever empties this record of delivery times.
    router.recent_message_deliveries = cast("dict[str, list[float]]", defaultdict(_short))
    # Row 40: by the score, which stays at zero here, every peer is better than those in the mesh.
    router.scorer = None
    return router
