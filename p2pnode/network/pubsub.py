"""GossipSub with guards: one bad message from a peer costs that peer, not the node."""

import hashlib
from collections import defaultdict
from collections.abc import Callable

import structlog
import trio
from libp2p.abc import IHost, IMuxedConn, INetStream
from libp2p.exceptions import ValidationError
from libp2p.io.exceptions import IOException, MessageTooLarge
from libp2p.network.connection.exceptions import RawConnError
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.utils import maybe_consume_signed_record
from libp2p.pubsub.validators import signature_validator

from p2pnode.network.guard import guarded, reset
from p2pnode.network.limits import RateLimit
from p2pnode.network.origin_limits import OriginLimits
from p2pnode.network.reputation import Offence
from p2pnode.network.rpc_reader import RpcReader
from p2pnode.network.settings import MAX_GOSSIP, SEEN_SECONDS
from p2pnode.ports import Topic

log = structlog.get_logger("p2pnode.network")

OnOffence = Callable[[str, Offence], None]

OUTBOUND_QUEUE = 256
"""RPCs kept for one peer; the library's 32 lose what a relay gets from several busy origins (row 4)."""

MAX_RPC = 1 << 20
REFUSED_RATE, REFUSED_BURST = 20.0, 64
"""Refused messages a second of one peer after which it is read no faster. A relay hands on what strangers
may gossip in all (10 a second, 50 at once), and this node may have heard other ones first."""
MOST_STREAMS = 4
"""Gossip streams of one peer at a time; it uses one, and that of a lost connection may not have ended yet."""
RECORD_SECONDS = 600.0
"""How long a checked peer record is good without another check; the library keeps it for two hours."""


class GuardedPubsub(Pubsub):
    """`Pubsub` that survives what a peer sends (row 1) and checks it before anything else does.

    Errors of our own publishes still reach the caller.
    """

    def __init__(self, host: IHost, router: GossipSub, limits: OriginLimits, on_offence: OnOffence) -> None:
        super().__init__(
            host,
            router,
            cache_size=4096,
            seen_ttl=SEEN_SECONDS,
            strict_signing=True,
            max_inbound_rpc_size=MAX_RPC,
            max_subscriptions_per_rpc=64,
            max_subscriptions_per_peer=16,
            allowed_topics={str(topic) for topic in Topic},
        )
        self._limits = limits
        self._on_offence = on_offence
        self._records: dict[ID, tuple[bytes, float]] = {}
        self._refused = RateLimit(REFUSED_RATE, REFUSED_BURST, trio.current_time)
        self._deaf: set[ID] = set()
        self._streams: defaultdict[ID, list[IMuxedConn]] = defaultdict(list)
        self._topics = {str(topic) for topic in Topic}
        for topic in Topic:
            self.set_topic_validator(str(topic), self._validate, is_async_validator=False)

    async def stream_handler(self, stream: INetStream) -> None:
        """Read a peer's stream. It has few at a time, so that a flood cannot wait in any number of them."""
        peer = stream.muxed_conn.peer_id
        open_ = self._streams[peer]
        if len(open_) >= MOST_STREAMS:
            # Streams of lost connections prove nothing; that many of one that lives get round `_refused`.
            if open_.count(stream.muxed_conn) >= MOST_STREAMS:
                self._on_offence(peer.to_base58(), Offence.MANY_STREAMS)
            await reset(stream)
            return
        open_.append(stream.muxed_conn)
        try:
            await guarded(super().stream_handler, self._stream_failed)(stream)
        finally:
            open_.remove(stream.muxed_conn)
            if not open_:
                self._streams.pop(peer, None)

    def _stream_failed(self, peer: str, error: Exception) -> None:
        log.info("gossip.undecodable", peer=peer, error=repr(error)[:200])
        self._on_offence(peer, Offence.UNDECODABLE)
        self._handle_dead_peer(ID.from_base58(peer))

    async def continuously_read_stream(self, stream: INetStream) -> None:
        """Take the RPCs of a peer one after the other until its stream ends."""
        peer = stream.muxed_conn.peer_id
        reader = RpcReader(stream, self.max_inbound_rpc_size)
        try:
            while self.manager.is_running:
                await self._take(peer, await reader.next())
        except MessageTooLarge as error:
            log.info("gossip.too_large", peer=peer.to_base58(), error=str(error))
            await reset(stream)
            self._handle_dead_peer(peer)
        except (StreamError, IOException, RawConnError) as error:
            log.debug("gossip.stream_ended", peer=peer.to_base58(), error=repr(error))

    async def _take(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        if not self._record_fits(peer, rpc):
            log.info("gossip.bad_record", peer=peer.to_base58())
            return
        for msg in rpc.publish:
            # A flood waits in its own sockets, and everybody else has a turn after each message: what one
            # read has brought may be hundreds, on which nothing below waits for anything.
            await trio.lowlevel.checkpoint()
            while wait := self._refused.wait(peer):  # noqa: ASYNC110
                # Nothing happens but that time passes.
                await trio.sleep(wait)
            if self._is_subscribed_to_msg(msg):
                await self.push_msg(peer, msg)
        if len(rpc.subscriptions) <= self.max_subscriptions_per_rpc:
            for subscription in rpc.subscriptions:
                self.handle_subscription(peer, subscription)
        if rpc.HasField("control"):
            # The router would check the record once more.
            rpc.ClearField("senderRecord")
            await self.router.handle_rpc(rpc, peer)

    def _record_fits(self, peer: ID, rpc: rpc_pb2.RPC) -> bool:
        """Whether the RPC's signed peer record, if it has one, is the peer's own.

        The library puts one into every RPC, nearly always the same.
        """
        if not rpc.HasField("senderRecord"):
            return True
        digest = hashlib.sha256(rpc.senderRecord).digest()
        known, until = self._records.get(peer, (b"", 0.0))
        if digest == known and trio.current_time() < until:
            return True
        if not maybe_consume_signed_record(rpc, self.host, peer):
            return False
        self._records[peer] = digest, trio.current_time() + RECORD_SECONDS
        return True

    def _handle_dead_peer(self, peer_id: ID) -> None:
        self._records.pop(peer_id, None)
        super()._handle_dead_peer(peer_id)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        if msg_forwarder == self.my_id:
            await super().push_msg(msg_forwarder, msg)
            return
        peer = msg_forwarder.to_base58()
        try:
            # First, because most of what comes has come from another peer before.
            if self._is_msg_seen(msg) or self._hopeless(msg_forwarder, msg):
                return
            offence = self._offence_of(msg)
            if offence is None:
                await self._accept(msg_forwarder, msg)
                return
        except Exception as error:
            log.info("gossip.refused", peer=peer, error=repr(error)[:200])
            offence = Offence.UNDECODABLE
        self._on_offence(peer, offence)

    def _offence_of(self, msg: rpc_pb2.Message) -> Offence | None:
        """What the peer did wrong by forwarding `msg`; it had to check the same before it forwarded."""
        if len(msg.data) > MAX_GOSSIP:
            return Offence.OVERSIZE
        if len(msg.topicIDs) != 1 or len(msg.seqno) != 8 or len(msg.from_id) > 64:
            return Offence.MALFORMED
        return None if signature_validator(msg) else Offence.BAD_SIGNATURE

    async def _accept(self, forwarder: ID, msg: rpc_pb2.Message) -> None:
        """What the library's `push_msg` does, without a second check of the signature."""
        origin = ID(msg.from_id)
        if self.is_peer_blacklisted(forwarder) or self.is_peer_blacklisted(origin):
            return
        try:
            await self.validate_msg(forwarder, msg)
        except ValidationError:
            return
        self._mark_msg_seen(msg)
        if origin != self.my_id:
            self.notify_subscriptions(msg)
            await self.router.publish(forwarder, msg)

    def _validate(self, forwarder: ID, msg: rpc_pb2.Message) -> bool:
        """Whether to keep and forward: the origin's rate (row 5). Synchronous and never raises (row 13)."""
        if forwarder == self.my_id:
            return True
        try:
            if self._limits.take(Topic(msg.topicIDs[0]), bytes(msg.from_id), bytes(msg.data)):
                return True
        except Exception:
            # Row 1: what a validator raises ends the node. Ours asks a part that is not this package's.
            log.exception("gossip.standing_failed")
            return False
        self._flooded(forwarder, msg)
        return False

    def _hopeless(self, forwarder: ID, msg: rpc_pb2.Message) -> bool:
        """Whether the message would be dropped whatever its signature: a flood is dropped before that."""
        if len(msg.topicIDs) != 1 or msg.topicIDs[0] not in self._topics:
            return False
        if not self._limits.hopeless(Topic(msg.topicIDs[0]), bytes(msg.from_id), bytes(msg.data)):
            return False
        self._flooded(forwarder, msg)
        return True

    def _flooded(self, forwarder: ID, msg: rpc_pb2.Message) -> None:
        """A message over its signer's rate; whoever relayed it may have had room for it."""
        self._refused.take(forwarder)
        origin = bytes(msg.from_id)
        if origin == forwarder.to_bytes() and self._limits.floods(origin):
            self._on_offence(forwarder.to_base58(), Offence.FLOOD)

    async def _teardown_if_connected(self, peer_id: ID) -> None:
        """Row 37: the library deletes a refused peer after a wait in which it may have gone already."""
        stream = self.peers.get(peer_id)
        self._handle_dead_peer(peer_id)
        if stream is not None:
            await reset(stream)

    async def _handle_new_peer(self, peer_id: ID) -> None:
        await super()._handle_new_peer(peer_id)
        queue = self.peer_queues.get(peer_id)
        if queue is not None:
            queue._queue.max_size = OUTBOUND_QUEUE

    async def wait_for_room(self, depth: int, timeout: float) -> None:
        """Wait until no peer has more than `depth` RPCs waiting, for `timeout` seconds at most.

        A publish says nothing when a queue is full and the message is lost (row 4). A peer that was waited
        for in vain is waited for again only when its queue has been empty in between: who does not read
        costs us that time once, not with each message.
        """
        self._deaf = {peer for peer in self._deaf if len(self.peer_queues.get(peer, ()))}
        with trio.move_on_after(timeout) as waiting:
            while self._crowded(depth):  # noqa: ASYNC110
                # The library offers no event for a queue that empties.
                await trio.sleep(0.002)
        if waiting.cancelled_caught:
            self._deaf |= self._crowded(depth)

    def _crowded(self, depth: int) -> set[ID]:
        """Peers with more than `depth` RPCs waiting for them, but for those that do not read."""
        return {peer for peer, queue in self.peer_queues.items() if len(queue) > depth} - self._deaf
