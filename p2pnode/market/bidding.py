"""The worker's side of an offer: a bid, or one coded decline.

A bid reserves a place, time of the prover and a share of the requester's escrow until it runs out.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from p2pnode.errors import NetworkError, P2PNodeError, ProtocolError
from p2pnode.market.context import Context
from p2pnode.market.examination import Examiner
from p2pnode.market.examination import Quote as Quoted
from p2pnode.market.pricing import time_of_price
from p2pnode.market.refusal import Refusal
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.state import INITIAL, TaskState
from p2pnode.ports import Gossip, Role, StreamProtocol, TaskEntry
from p2pnode.protocol.cid import content_digest, to_cid
from p2pnode.protocol.codec import decode, decode_signed, encode, max_size
from p2pnode.protocol.messages import Bid, Decline, DeclineCode, Offer, Quote, Signed

_SEND_TIMEOUT = 10.0
_MOST_SEEN = 16384
_DECLINES_PER_MINUTE = 64
_DECLINES_AT_ONCE = 32
_MOST_LATER = 4096


class Bidding:
    """Hears offers, and bids for those that `examiner` takes."""

    def __init__(self, context: Context, examiner: Examiner, settings: WorkerSettings) -> None:
        self._context = context
        self._examiner = examiner
        self._settings = settings
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._declined: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._later, self._due = trio.open_memory_channel[Callable[[], Awaitable[object]]](_MOST_LATER)
        self._declining = trio.CapacityLimiter(_DECLINES_AT_ONCE)

    async def run(self) -> None:
        """Send bids when the ramp pays them, and declines, until cancelled."""
        async with trio.open_nursery() as nursery:
            async for work in self._due:
                nursery.start_soon(work)

    async def consider(self, message: Gossip) -> bool:
        """Look at one gossiped offer; never raises for what a peer sent.

        Whether it was good, so that its requester's escrow covers it; the bid then follows from `run`.
        """
        subject = content_digest(message.data)
        if self._is_repeat(subject):
            return False
        try:
            signed = decode_signed(message.data, Offer)
        except ProtocolError as error:
            self._decline(message.peer, subject, Refusal(DeclineCode.MALFORMED, str(error)))
            return False
        subject = self._context.digest(signed.message)
        if self._is_repeat(subject):
            return False
        return await self._safely(message.peer, subject, partial(self._look, message.peer, signed, subject))

    async def _safely(self, peer: str, subject: bytes, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether `work` went through; what it raises becomes a decline."""
        try:
            await work()
            return True
        except Refusal as refusal:
            self._decline(peer, subject, refusal)
        except P2PNodeError as error:
            reason = f"this worker cannot look at the offer now: {error}"
            self._decline(peer, subject, Refusal(DeclineCode.INTERNAL, reason))
        except Exception as error:
            # A bug of ours, met on a stranger's bytes, must not end the worker.
            self._context.on_event("offer.error", peer=peer, error=repr(error))
        return False

    async def explain(self, peer: str, signed: Signed[Offer]) -> Quote:
        """What this worker would bid for an offer, without a bid. Raises Refusal, with what would do."""
        if not self._may_decline(peer):
            raise Refusal(DeclineCode.AT_CAPACITY, f"{_DECLINES_PER_MINUTE} answers a minute; ask later")
        quote = await self._examiner.examine(signed, peer)
        return Quote(self._context.digest(signed.message), quote.price, quote.fee)

    async def _look(self, peer: str, signed: Signed[Offer], offer_hash: bytes) -> None:
        task = self._context.store.task(Role.WORKER, offer_hash)
        if task is None:
            quote = await self._examiner.examine(signed, peer)
            bid = partial(self._bid, peer, signed, offer_hash, quote)
            self._soon(partial(self._safely, peer, offer_hash, bid))
        elif task.state == TaskState.BID and task.bid is not None:
            # From before a restart, which may have come between the ledger and the network.
            self._soon(partial(self._send, peer, task.bid, offer_hash))

    async def _bid(self, peer: str, signed: Signed[Offer], offer_hash: bytes, quote: Quoted) -> None:
        context, offer = self._context, signed.message
        wait = time_of_price(offer, quote.price) - context.clock.now()
        if wait > 0:
            await context.clock.sleep(wait)
        await self._examiner.check_room(signed, quote.price)
        # No await between that check and the write: two offers must not get the last place.
        now = context.clock.now()
        bid = context.sign(
            Bid(
                offer_hash=offer_hash,
                worker=context.account,
                price=quote.price,
                made_at=now,
                result_by=offer.result_deadline,
                valid_until=min(now + self._settings.bid_seconds, offer.result_deadline),
            )
        )
        context.begin(
            TaskEntry(Role.WORKER, offer_hash, INITIAL[Role.WORKER], signed, now, peer=peer, bid=bid)
        )
        context.on_event(
            "bid.sent", offer=offer_hash.hex(), model=to_cid(offer.model_digest), price=quote.price, peer=peer
        )
        await self._send(peer, bid, offer_hash)

    async def _send(self, peer: str, bid: Signed[Bid], offer_hash: bytes) -> None:
        try:
            answer = await self._context.bus.request(
                peer,
                StreamProtocol.BID,
                encode(bid),
                timeout=_SEND_TIMEOUT,
                max_response=max_size(Decline),
            )
            if not answer:
                return
            refused = decode(answer, Decline)
        except (NetworkError, ProtocolError) as error:
            # The bid may have arrived all the same, so it stays reserved until it runs out.
            self._context.on_event("bid.unsent", offer=offer_hash.hex(), peer=peer, reason=str(error))
            return
        task = self._context.store.task(Role.WORKER, offer_hash)
        if task is not None and task.state == TaskState.BID:
            self._context.move(task, TaskState.LOST, reason=refused.reason)
        self._context.on_event(
            "bid.refused", offer=offer_hash.hex(), peer=peer, code=refused.code.value, reason=refused.reason
        )

    def _decline(self, peer: str, subject: bytes, refusal: Refusal) -> None:
        self._context.on_event(
            "offer.declined",
            offer=subject.hex(),
            peer=peer,
            code=refusal.code.value,
            reason=refusal.reason,
        )
        if self._may_decline(peer):
            self._soon(partial(self._send_decline, peer, subject, refusal))

    async def _send_decline(self, peer: str, subject: bytes, refusal: Refusal) -> None:
        async with self._declining:
            try:
                await self._context.bus.request(
                    peer,
                    StreamProtocol.BID,
                    encode(refusal.decline(subject)),
                    timeout=_SEND_TIMEOUT,
                    max_response=max_size(Decline),
                )
            except NetworkError as error:
                self._context.on_event("decline.unsent", offer=subject.hex(), peer=peer, reason=str(error))

    def _soon(self, work: Callable[[], Awaitable[object]]) -> None:
        """Have `run` do it. What does not fit is dropped: an offer comes again, a decline need not come."""
        with suppress(trio.WouldBlock):
            self._later.send_nowait(work)

    def _may_decline(self, peer: str) -> bool:
        """Whether a peer may have one more answer this minute: a flood of offers must not become our own."""
        minute = self._context.clock.now() // 60
        since, count = self._declined.get(peer, (minute, 0))
        count = count + 1 if since == minute else 1
        self._declined[peer] = (minute, count)
        self._declined.move_to_end(peer)
        if len(self._declined) > _MOST_SEEN:
            self._declined.popitem(last=False)
        return count <= _DECLINES_PER_MINUTE

    def _is_repeat(self, subject: bytes) -> bool:
        if subject in self._seen:
            return True
        self._seen[subject] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return False
