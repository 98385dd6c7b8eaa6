"""The requester's side of the bid stream: bids and declines for open offers, each checked as it comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import trio

from p2pnode.errors import P2PNodeError, ProtocolError
from p2pnode.market.checks import check_bid
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence
from p2pnode.market.refusal import Refusal
from p2pnode.market.selection import RankedBid
from p2pnode.protocol.codec import decode_any, encode
from p2pnode.protocol.messages import Bid, Decline, DeclineCode, Offer, Signed
from p2pnode.protocol.schema import MAX_GOSSIP

MAX_REQUEST = MAX_GOSSIP

_MOST_BIDS = 64
_MOST_DECLINES = 64


@dataclass(slots=True)
class BidBook:
    """What came in for one open offer, by worker and by peer."""

    offer_hash: bytes
    offer: Offer
    bids: dict[bytes, RankedBid] = field(default_factory=dict)
    declines: dict[str, Decline] = field(default_factory=dict)

    def loaded(self, held: Mapping[bytes, int]) -> list[RankedBid]:
        """The bids; `held` is what each worker holds for this node, maybe unknown to its heartbeat."""
        return [replace(bid, load=max(bid.load, held.get(worker, 0))) for worker, bid in self.bids.items()]

    def why_unbid(self) -> str:
        """What the workers said instead of a bid."""
        if not self.declines:
            return "nobody bid; no worker for this model heard the offer, or none is on the network"
        said = sorted({f"{decline.code}: {decline.reason}" for decline in self.declines.values()})
        return f"nobody bid; {len(self.declines)} declined: {'; '.join(said)}"


class BidDesk:
    """Open offers and what was said to them. Nothing that a peer sends makes the handler raise."""

    def __init__(
        self, context: Context, presence: Presence, latency: Callable[[bytes], float | None]
    ) -> None:
        self._context = context
        self._presence = presence
        self._latency = latency
        self._books: dict[bytes, BidBook] = {}
        self._changed = trio.Event()

    def open(self, offer_hash: bytes, offer: Offer) -> BidBook:
        """Take bids for an offer from now on."""
        return self._books.setdefault(offer_hash, BidBook(offer_hash, offer))

    def close(self, offer_hash: bytes) -> None:
        """Take no more bids for an offer."""
        self._books.pop(offer_hash, None)

    async def changed(self, timeout: float) -> None:
        """Wait for the next bid or decline of any offer, but not longer than `timeout` seconds."""
        with trio.move_on_after(timeout):
            await self._changed.wait()

    async def handle(self, peer: str, data: bytes) -> bytes:
        """Take a signed bid or a decline; answers with nothing, or with a decline that says what is wrong."""
        subject = bytes(32)
        try:
            message = decode_any(data, MAX_REQUEST)
            if isinstance(message, Decline):
                self._on_decline(peer, message)
                return b""
            if isinstance(message, Signed) and isinstance(message.message, Bid):
                subject = message.message.offer_hash
                await self._on_bid(peer, message)
                return b""
            raise ProtocolError("only a signed-bid or a decline is taken on this stream")
        except Refusal as error:
            refusal = error
        except ProtocolError as error:
            refusal = Refusal(DeclineCode.MALFORMED, str(error))
        except P2PNodeError as error:
            refusal = Refusal(DeclineCode.INTERNAL, f"this requester cannot go on now: {error}")
        self._context.on_event(
            "bid.refused", offer=subject.hex(), peer=peer, code=refusal.code.value, reason=refusal.reason
        )
        return encode(refusal.decline(subject))

    async def _on_bid(self, peer: str, signed: Signed[Bid]) -> None:
        bid, context = signed.message, self._context
        self._book(bid.offer_hash)
        record = await context.chain.node(bid.worker)
        # The book may have closed while the chain was asked.
        book = self._book(bid.offer_hash)
        record = check_bid(signed, book.offer, context.domain, peer, record, context.clock.now())
        if len(book.bids) >= _MOST_BIDS and bid.worker not in book.bids:
            raise Refusal(DeclineCode.AT_CAPACITY, f"{_MOST_BIDS} workers have bid already")
        book.bids[bid.worker] = RankedBid(
            bid=signed,
            peer=peer,
            stake=record.stake,
            capacity=record.capacity,
            load=self._presence.load(peer),
            reputation=context.store.reputation(bid.worker),
            latency=self._latency(bid.worker),
        )
        context.on_event(
            "bid.received",
            offer=bid.offer_hash.hex(),
            worker=bid.worker.hex(),
            price=bid.price,
            peer=peer,
        )
        self._notify()

    def _on_decline(self, peer: str, decline: Decline) -> None:
        book = self._books.get(decline.subject)
        if book is None or len(book.declines) >= _MOST_DECLINES:
            return
        book.declines[peer] = decline
        self._context.on_event(
            "decline.received",
            offer=decline.subject.hex(),
            peer=peer,
            code=decline.code.value,
            reason=decline.reason,
        )
        self._notify()

    def _book(self, offer_hash: bytes) -> BidBook:
        book = self._books.get(offer_hash)
        if book is None:
            raise Refusal(DeclineCode.EXPIRED, f"offer {offer_hash.hex()} takes no bids now")
        return book

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
