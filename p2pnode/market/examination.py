"""A worker's verdict on an offer: what it would bid, or a coded reason why not.

Checks go from cheap to dear: the bytes, the signature, deadlines, then the chain, then the model's bytes,
then what the work would take. Nothing is written or promised here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.models import ModelShelf
from p2pnode.market.pace import Paces
from p2pnode.market.pause import Pause
from p2pnode.market.pricing import ask_price
from p2pnode.market.refusal import Refusal
from p2pnode.market.rescues.state import OPEN as OPEN_RESCUES
from p2pnode.market.rescues.state import RescueState
from p2pnode.market.schedule import Batch, Held, Pace, batches, lateness
from p2pnode.market.sessions.owed import owed_to_worker
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.state import OPEN, TaskState
from p2pnode.market.strategy import Costs
from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.messages import DeclineCode, Offer, Signed

UNPROVED = (TaskState.BID, TaskState.AWARDED, TaskState.ANSWERED, TaskState.PROVING)
"""Tasks that still need the prover."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a worker would bid, and the fee of the model's owner beside it."""

    price: int
    fee: int


class Examiner:
    """Looks at offers for one worker."""

    def __init__(
        self,
        context: Context,
        models: ModelShelf,
        paces: Paces,
        pause: Pause,
        deadlines: Deadlines,
        settings: WorkerSettings,
    ) -> None:
        self._context = context
        self._models = models
        self._paces = paces
        self._pause = pause
        self._deadlines = deadlines
        self._settings = settings
        self._fees: dict[bytes, int] = {}
        self.gas = settings.task_gas
        """Gas of one task in a full batch; the settlements correct it."""

    def load(self) -> int:
        """Places that are taken: open bids, tasks and rescues that are not settled yet, and sessions in use.

        A session without a call has cost its requester nothing, so it must not keep paid work away.
        """
        self._expire_bids()
        sessions = self._context.store.sessions(Role.WORKER, [SessionState.OPEN])
        rescues = self._context.store.rescues(Role.WORKER, OPEN_RESCUES)
        in_use = sum(session.voucher is not None for session in sessions)
        return len(self.open_tasks()) + in_use + len(rescues)

    async def examine(self, signed: Signed[Offer], peer: str) -> Quote:
        """What this worker would bid for an offer; `peer` may have the model. Raises Refusal, ChainError."""
        context, settings, offer = self._context, self._settings, signed.message
        settlement = Settlement(context.domain, context.chain.token_address)
        check_offer(signed, settlement, context.clock.now(), settings.settle_seconds)
        self._pause.check()
        check_stake(offer, await context.chain.node(context.account))
        listing = check_listing(offer.model_digest, await context.chain.listing(offer.model_digest))
        self._fees[offer.model_digest] = listing.fee
        if await context.chain.is_nonce_used(offer.requester, offer.nonce):
            raise Refusal(DeclineCode.EXPIRED, f"nonce {offer.nonce} has paid already; draw another")
        if settings.min_bond:
            check_bond(await context.chain.bond(offer.requester), settings.min_bond)
        check_capacity(self.load(), settings.capacity)
        model = await self._models.prepare(offer.model_digest, [peer])
        await self._paces.measure(offer.model_digest, model)
        price = await self._price(offer)
        await self.check_room(signed, price)
        return Quote(price, listing.fee)

    async def check_room(self, signed: Signed[Offer], price: int) -> None:
        """What may have changed since the offer was examined: time, places, escrow. Raises Refusal.

        After it returns the caller must write its bid before it waits for anything.
        """
        context, settings, offer = self._context, self._settings, signed.message
        free = await context.chain.free_escrow(offer.requester)
        settlement = Settlement(context.domain, context.chain.token_address)
        check_offer(signed, settlement, context.clock.now(), settings.settle_seconds)
        check_capacity(self.load(), settings.capacity)
        for task in self.open_tasks():
            other = task.offer.message
            if (other.requester, other.nonce) == (offer.requester, offer.nonce):
                reason = f"nonce {offer.nonce} is that of offer {task.offer_hash.hex()}, and pays once"
                raise Refusal(DeclineCode.MALFORMED, f"{reason}; draw another")
        check_escrow(price + self._fees[offer.model_digest], self.outstanding(offer.requester), free)
        self._check_schedule(offer)

    def open_tasks(self) -> list[TaskEntry]:
        """Everything that holds a place."""
        return self._context.store.tasks(Role.WORKER, OPEN[Role.WORKER])

    async def _price(self, offer: Offer) -> int:
        settings, pace = self._settings, self._paces.known[offer.model_digest]
        least = settings.strategy.ask(
            Costs(
                requester=offer.requester,
                model_digest=offer.model_digest,
                proving_seconds=pace.proof(settings.batch_size) / settings.batch_size,
                gas=self.gas,
                gas_price=await self._context.chain.gas_price(),
            )
        )
        price = ask_price(offer, least)
        if price is None:
            raise Refusal(
                DeclineCode.PRICE_TOO_LOW,
                f"price_max is {offer.price_max}; this worker asks {least}, so give at least that",
                needed=least,
            )
        return price

    def _check_schedule(self, offer: Offer) -> None:
        """The new task must be answered and proved in time, and make no other one late."""
        now = self._context.clock.now()
        pace = self._paces.known[offer.model_digest]
        waiting = self._context.store.tasks(Role.WORKER, [TaskState.BID, TaskState.AWARDED])
        paces = [self._paces.known.get(task.offer.message.model_digest, pace) for task in waiting]
        answered = now + pace.answer + sum(other.answer for other in paces)
        if answered > offer.result_deadline:
            raise Refusal(
                DeclineCode.CANNOT_FINISH,
                f"result_deadline is {offer.result_deadline}; with {len(waiting)} tasks before it this "
                f"worker answers at {round(answered)}",
                needed=round(answered) + CLOCK_SKEW,
            )
        queue = self.queue([Held(offer.model_digest, self._proof_due(offer.settle_deadline))], pace)
        late = lateness(queue, now + self._rescue_seconds(pace))
        if late > 0:
            earliest = offer.settle_deadline + round(late) + 1
            raise Refusal(
                DeclineCode.CANNOT_FINISH,
                f"settle_deadline is {offer.settle_deadline}; with what is to be proved before it this "
                f"worker would settle {round(late)} s late, so give at least {earliest}",
                needed=earliest,
            )

    def queue(self, more: Sequence[Held], pace: Pace) -> list[Batch]:
        """The proofs that the tasks held here will take, and `more` with them, the nearest deadline first.

        A model that was not measured since the last start counts as one of `pace`.
        """
        known, held = {**self._paces.known}, list(more)
        for task in self._context.store.tasks(Role.WORKER, UNPROVED):
            model_digest = task.offer.message.model_digest
            known.setdefault(model_digest, pace)
            held.append(Held(model_digest, self._proof_due(self._deadlines.of(task))))
        return batches(held, known, self._settings.batch_size)

    def _proof_due(self, settle_deadline: int) -> int:
        return settle_deadline - self._settings.settle_seconds

    def _rescue_seconds(self, pace: Pace) -> float:
        """A rescue that was taken may hold the prover any moment, and nothing interrupts a proof."""
        taken = self._context.store.rescues(Role.WORKER, [RescueState.TAKEN])
        models = (rescue.award.message.model_digest for rescue in taken)
        return sum(self._paces.known.get(model, pace).proof(1) for model in models)

    def outstanding(self, requester: bytes) -> int:
        """What the requester would owe this worker if every open bid were awarded and every call made."""
        owed = owed_to_worker(self._context.store, requester)
        for task in self.open_tasks():
            offer = task.offer.message
            if offer.requester != requester:
                continue
            if task.award is not None:
                owed += task.award.message.price + task.award.message.model_fee
            elif task.bid is not None:
                owed += task.bid.message.price + self._fees.get(offer.model_digest, 0)
        return owed

    def _expire_bids(self) -> None:
        now = self._context.clock.now()
        for task in self._context.store.tasks(Role.WORKER, [TaskState.BID]):
            if task.bid is not None and task.bid.message.valid_until + 2 * CLOCK_SKEW < now:
                self._context.move(task, TaskState.LOST, reason="the bid ran out without an award")
