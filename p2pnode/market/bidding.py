"""The worker's side of an offer: a bid, or one coded decline.

Checks go from cheap to dear: the bytes, the signature, prices and deadlines, then the chain, then the
model's bytes. A bid reserves a place and a share of the requester's escrow until it runs out.
"""

from collections import OrderedDict

from p2pnode.errors import NetworkError, P2PNodeError, ProtocolError
from p2pnode.market.checks import (
    CLOCK_SKEW,
    Settlement,
    check_bond,
    check_capacity,
    check_escrow,
    check_listing,
    check_offer,
    check_stake,
)
from p2pnode.market.context import Context
from p2pnode.market.models import ModelShelf
from p2pnode.market.pricing import ask_price, time_of_price
from p2pnode.market.refusal import Refusal
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.state import INITIAL, OPEN, TaskState
from p2pnode.ports import Gossip, Role, StreamProtocol, TaskEntry
from p2pnode.protocol.cid import content_digest, to_cid
from p2pnode.protocol.codec import decode, decode_signed, encode, max_size
from p2pnode.protocol.messages import Bid, Decline, DeclineCode, Offer, Signed

_SEND_TIMEOUT = 10.0
_MOST_SEEN = 16384
_DECLINES_PER_MINUTE = 64


class Bidding:
    """Decides about offers. Capacity and escrow that its bids hold are read from the ledger."""

    def __init__(self, context: Context, models: ModelShelf, settings: WorkerSettings) -> None:
        self._context = context
        self._models = models
        self._settings = settings
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._declined: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._fees: dict[bytes, int] = {}

    def load(self) -> int:
        """Places that are taken: open bids and tasks that are not settled yet."""
        self._expire_bids()
        return len(self._open_tasks())

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

    async def _take(self, peer: str, signed: Signed[Offer], offer_hash: bytes) -> None:
        context, settings, offer = self._context, self._settings, signed.message
        settlement = Settlement(context.domain, context.chain.token_address)
        check_offer(signed, settlement, context.clock.now(), settings.settle_seconds)
        price = ask_price(offer, settings.price)
        if price is None:
            raise Refusal(
                DeclineCode.PRICE_TOO_LOW,
                f"price_max is {offer.price_max}; this worker asks {settings.price}, so give at least that",
            )
        check_stake(offer, await context.chain.node(context.account))
        listing = check_listing(offer.model_digest, await context.chain.listing(offer.model_digest))
        self._fees[offer.model_digest] = listing.fee
        if await context.chain.is_nonce_used(offer.requester, offer.nonce):
            raise Refusal(DeclineCode.EXPIRED, f"nonce {offer.nonce} has paid already; draw another")
        if settings.min_bond:
            check_bond(await context.chain.bond(offer.requester), settings.min_bond)
        await self._check_room(offer, price)
        await self._models.prepare(offer.model_digest, [peer])
        wait = time_of_price(offer, price) - context.clock.now()
        if wait > 0:
            await context.clock.sleep(wait)
        check_offer(signed, settlement, context.clock.now(), settings.settle_seconds)
        await self._check_room(offer, price)
        # No await between this check and the write: two offers must not get the last place.
        now = context.clock.now()
        bid = context.sign(
            Bid(
                offer_hash=offer_hash,
                worker=context.account,
                price=price,
                made_at=now,
                result_by=offer.result_deadline,
                valid_until=min(now + settings.bid_seconds, offer.result_deadline),
            )
        )
        context.begin(
            TaskEntry(Role.WORKER, offer_hash, INITIAL[Role.WORKER], signed, now, peer=peer, bid=bid)
        )
        context.on_event(
            "bid.sent", offer=offer_hash.hex(), model=to_cid(offer.model_digest), price=price, peer=peer
        )
        await self._send(peer, bid, offer_hash)

    async def _check_room(self, offer: Offer, price: int) -> None:
        free = await self._context.chain.free_escrow(offer.requester)
        check_capacity(self.load(), self._settings.capacity)
        for task in self._open_tasks():
            other = task.offer.message
            if (other.requester, other.nonce) == (offer.requester, offer.nonce):
                reason = f"nonce {offer.nonce} is that of offer {task.offer_hash.hex()}, and pays once"
                raise Refusal(DeclineCode.MALFORMED, f"{reason}; draw another")
        needed = price + self._fees[offer.model_digest]
        check_escrow(needed, self._outstanding(offer.requester), free)

    def _outstanding(self, requester: bytes) -> int:
        """What the requester would owe this worker if every open bid were awarded."""
        owed = 0
        for task in self._open_tasks():
            offer = task.offer.message
            if offer.requester != requester:
                continue
            if task.award is not None:
                owed += task.award.message.price + task.award.message.model_fee
            elif task.bid is not None:
                owed += task.bid.message.price + self._fees.get(offer.model_digest, 0)
        return owed

    def _open_tasks(self) -> list[TaskEntry]:
        return self._context.store.tasks(Role.WORKER, OPEN[Role.WORKER])

    def _expire_bids(self) -> None:
        now = self._context.clock.now()
        for task in self._context.store.tasks(Role.WORKER, [TaskState.BID]):
            if task.bid is not None and task.bid.message.valid_until + 2 * CLOCK_SKEW < now:
                self._context.move(task, TaskState.LOST, reason="the bid ran out without an award")

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
