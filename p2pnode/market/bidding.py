"""The worker's side of an offer: a bid, or one coded decline.

A bid reserves a place, time of the prover and a share of the requester's escrow until it runs out.
"""

from collections import OrderedDict

from p2pnode.errors import NetworkError, P2PNodeError, ProtocolError
from p2pnode.market.context import Context
from p2pnode.market.examination import Examiner
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


class Bidding:
    """Hears offers, and bids for those that `examiner` takes."""

    def __init__(self, context: Context, examiner: Examiner, settings: WorkerSettings) -> None:
        self._context = context
        self._examiner = examiner
        self._settings = settings
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._declined: OrderedDict[str, tuple[int, int]] = OrderedDict()

    async def consider(self, message: Gossip) -> None:
        """Take or refuse one gossiped offer; never raises for what a peer sent."""
        subject = content_digest(message.data)
        if self._is_repeat(subject):
            return
        try:
            signed = decode_signed(message.data, Offer)
            subject = self._context.digest(signed.message)
            if self._is_repeat(subject):
                return
            task = self._context.store.task(Role.WORKER, subject)
            if task is None:
                await self._take(message.peer, signed, subject)
            elif task.state == TaskState.BID and task.bid is not None:
                # From before a restart, which may have come between the ledger and the network.
                await self._send(message.peer, task.bid, subject)
        except Refusal as refusal:
            await self._decline(message.peer, subject, refusal)
        except ProtocolError as error:
            await self._decline(message.peer, subject, Refusal(DeclineCode.MALFORMED, str(error)))
        except P2PNodeError as error:
            reason = f"this worker cannot look at the offer now: {error}"
            await self._decline(message.peer, subject, Refusal(DeclineCode.INTERNAL, reason))
        except Exception as error:
            # A bug of ours, met on a stranger's bytes, must not end the worker.
            self._context.on_event("offer.error", peer=message.peer, error=repr(error))

    async def explain(self, peer: str, signed: Signed[Offer]) -> Quote:
        """What this worker would bid for an offer, without a bid. Raises Refusal, with what would do."""
        if not self._may_decline(peer):
            raise Refusal(DeclineCode.AT_CAPACITY, f"{_DECLINES_PER_MINUTE} answers a minute; ask later")
        quote = await self._examiner.examine(signed, peer)
        return Quote(self._context.digest(signed.message), quote.price, quote.fee)

    async def _take(self, peer: str, signed: Signed[Offer], offer_hash: bytes) -> None:
        context, offer = self._context, signed.message
        quote = await self._examiner.examine(signed, peer)
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

    async def _decline(self, peer: str, subject: bytes, refusal: Refusal) -> None:
        self._context.on_event(
            "offer.declined",
            offer=subject.hex(),
            peer=peer,
            code=refusal.code.value,
            reason=refusal.reason,
        )
        if not self._may_decline(peer):
            return
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
