"""A requester: offers tasks, awards the best bids, keeps answers, follows them to their receipts."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from p2pnode.background import open_background
from p2pnode.errors import MarketError, NetworkError, ProtocolError
from p2pnode.market.awards import Awarder
from p2pnode.market.bids import MAX_REQUEST, BidBook, BidDesk
from p2pnode.market.checks import CLOCK_SKEW, check_listing
from p2pnode.market.claims import Claims
from p2pnode.market.commitments import promised
from p2pnode.market.context import Context
from p2pnode.market.explain import Explainer
from p2pnode.market.presence import Presence
from p2pnode.market.release import Releases
from p2pnode.market.rescues.received import output_of
from p2pnode.market.selection import RankedBid, plan
from p2pnode.market.sessions.requester import SessionRequester
from p2pnode.market.settings import RequesterSettings, Terms
from p2pnode.market.state import INITIAL, OPEN, TaskState
from p2pnode.market.watch import SettlementWatch
from p2pnode.ports import Prover, Role, StreamProtocol, TaskEntry, Topic
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.codec import encode
from p2pnode.protocol.messages import Offer
from p2pnode.protocol.tensors import decode_tensors, require_finite, tensors_digest


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """Where a submitted task stands. `output` are its encoded tensors, None unless it was answered;
    `task_id` and `worker` are empty unless it was awarded; `reason` says why there is no answer."""

    offer_hash: bytes
    state: TaskState
    task_id: bytes
    worker: bytes
    price: int
    model_fee: int
    output: bytes | None
    reason: str


class Requester:
    """Submits tasks. Everything is in the ledger before it is sent."""

    def __init__(
        self,
        context: Context,
        presence: Presence,
        settings: RequesterSettings,
        prover: Prover | None = None,
    ) -> None:
        self._context = context
        self._settings = settings
        self._awarder = Awarder(context, settings)
        self._desk = BidDesk(context, presence, self._awarder.latency)
        self._releases = Releases(context)
        self.explainer = Explainer(context, presence)
        self.sessions = SessionRequester(context, presence)
        self._watch = SettlementWatch(context, self._awarder, settings.poll_seconds, prover)

    async def run(self) -> None:
        """Serve the bid stream and follow settlements until cancelled; first takes up what a crash left."""
        self._context.bus.serve(StreamProtocol.BID, self._desk.handle, max_request=MAX_REQUEST)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._resume)
            nursery.start_soon(self._watch.run)
            nursery.start_soon(self._releases.run)
            nursery.start_soon(self.sessions.run)
            if self._settings.report:
                claims = Claims(self._context, self._watch, publish_input=self._settings.publish_input)
                nursery.start_soon(claims.run)

    async def submit(
        self,
        model_digest: bytes,
        inputs: Sequence[bytes],
        terms: Terms,
        on_offers: Callable[[Sequence[bytes]], None] | None = None,
    ) -> list[TaskOutcome]:
        """Offer one task for each of `inputs` (encoded tensors of one model) and wait for the answers.

        `on_offers` is told the offer hashes, in the order of the inputs, before anything is sent.

        The outcomes are in the order of the inputs; a task that nobody took or answered is among them with
        its reason. Raises MarketError if an input, the model or the escrow is wrong; nothing was sent then.
        """
        fee = await self._check_submission(model_digest, inputs, terms)
        tasks = self._write_offers(model_digest, inputs, terms)
        if on_offers is not None:
            on_offers([task.offer_hash for task in tasks])
        books = [self._desk.open(task.offer_hash, task.offer.message) for task in tasks]
        try:
            for task in tasks:
                await self._publish(task)
            await self._award_all(tasks, books, fee)
        finally:
            for book in books:
                self._desk.close(book.offer_hash)
                self._abandon(book.offer_hash)
        return [self.outcome(task.offer_hash) for task in tasks]

    async def settled(self, offer_hashes: Sequence[bytes]) -> list[TaskOutcome]:
        """Wait until each answered task has its receipt (state SETTLED) or its deadline has passed."""
        return [self._outcome(await self._watch.settled(offer_hash)) for offer_hash in offer_hashes]

    def outcome(self, offer_hash: bytes) -> TaskOutcome:
        """Where a task stands now. Raises MarketError for an offer that this node never made."""
        task = self._context.store.task(Role.REQUESTER, offer_hash)
        if task is None:
            raise MarketError(f"offer {offer_hash.hex()} is not in the ledger; give one of this requester")
        return self._outcome(task)

    def receipt(self, task_id: bytes) -> str | None:
        """The receipt file of a settled task."""
        return self._context.store.receipt(task_id)

    async def _check_submission(self, model_digest: bytes, inputs: Sequence[bytes], terms: Terms) -> int:
        if not inputs:
            raise MarketError("inputs is empty; give at least one")
        if terms.price_max < terms.price_min:
            raise MarketError(f"price_max is {terms.price_max}; give at least price_min, {terms.price_min}")
        for index, tensors in enumerate(inputs):
            try:
                require_finite(decode_tensors(tensors))
            except ProtocolError as error:
                raise MarketError(f"inputs[{index}]: {error}") from error
        chain = self._context.chain
        fee = check_listing(model_digest, await chain.listing(model_digest)).fee
        free = await chain.free_escrow(self._context.account)
        owed = promised(self._context, fee)
        needed = owed + len(inputs) * (terms.price_max + fee)
        if needed > free:
            raise MarketError(
                f"free escrow is {free}; {len(inputs)} tasks cost up to {needed - owed} and {owed} is owed, "
                f"so deposit {needed - free} more"
            )
        return fee

    def _write_offers(self, model_digest: bytes, inputs: Sequence[bytes], terms: Terms) -> list[TaskEntry]:
        context, now = self._context, self._context.clock.now()
        tasks, word = [], 0
        with context.store.transaction():
            for index, tensors in enumerate(inputs):
                if index % 256 == 0:
                    # The contract keeps 256 nonces in one word of storage: a nonce beside a used one costs
                    # its settlement 17,000 gas less.
                    word = int.from_bytes(context.random_bytes(31), "big") << 8
                offer = Offer(
                    requester=context.account,
                    model_digest=model_digest,
                    input_digest=tensors_digest(tensors),
                    price_min=terms.price_min,
                    price_max=terms.price_max,
                    ramp_start=now,
                    ramp_end=now + terms.ramp_seconds,
                    result_deadline=now + terms.result_seconds,
                    settle_deadline=now + terms.result_seconds + terms.settle_seconds,
                    min_stake=terms.min_stake,
                    pay_token=context.chain.token_address,
                    nonce=word | index % 256,
                )
                context.store.use_nonce(context.account, offer.nonce)
                context.store.put_content(tensors)
                entry = TaskEntry(
                    Role.REQUESTER,
                    context.digest(offer),
                    INITIAL[Role.REQUESTER],
                    context.sign(offer),
                    now,
                )
                tasks.append(context.begin(entry))
        return tasks

    async def _publish(self, task: TaskEntry) -> None:
        offer = task.offer.message
        try:
            await self._context.bus.publish(Topic.OFFERS, encode(task.offer))
        except NetworkError as error:
            self._context.on_event("gossip.failed", topic=Topic.OFFERS.value, error=str(error))
            return
        self._context.on_event(
            "offer.published",
            offer=task.offer_hash.hex(),
            model=to_cid(offer.model_digest),
            price_min=offer.price_min,
            price_max=offer.price_max,
        )

    async def _award_all(self, tasks: Sequence[TaskEntry], books: Sequence[BidBook], fee: int) -> None:
        """Award tasks as they get bids: first after the bid wait, the rest while the ramp still rises."""
        limit = trio.CapacityLimiter(self._settings.parallel_awards)
        waiting = {task.offer_hash: (task, book) for task, book in zip(tasks, books, strict=True)}
        offer = tasks[0].offer.message
        patience = max(offer.ramp_end - self._context.clock.now(), 0) + self._settings.bid_wait + CLOCK_SKEW
        give_up = trio.current_time() + patience
        await self._collect([book for _, book in waiting.values()])
        async with trio.open_nursery() as nursery:
            while waiting:
                open_tasks = self._context.store.tasks(Role.REQUESTER, OPEN[Role.REQUESTER])
                awards = (task.award.message for task in open_tasks if task.award is not None)
                held = Counter(award.worker for award in awards)
                have = {key: book.loaded(held) for key, (_, book) in waiting.items() if book.bids}
                for key, ranked in plan(have, self._settings.weights).items():
                    task, book = waiting.pop(key)
                    nursery.start_soon(self._award_one, task, ranked, book, fee, limit)
                if trio.current_time() >= give_up:
                    break
                if waiting:
                    # Gossip may have missed a worker whose connection was young.
                    for task, _ in waiting.values():
                        await self._publish(task)
                    await self._collect([book for _, book in waiting.values()])
            for task, book in waiting.values():
                reason = book.why_unbid()
                self._context.move(task, TaskState.UNBID, reason=reason)
                self._context.on_event("task.failed", offer=task.offer_hash.hex(), reason=reason)

    async def _award_one(
        self,
        task: TaskEntry,
        ranked: Sequence[RankedBid],
        book: BidBook,
        fee: int,
        limit: trio.CapacityLimiter,
    ) -> None:
        async with limit:
            task = await self._awarder.answer(task, ranked, book, fee)
        if task.state != TaskState.ANSWERED:
            self._context.on_event("task.failed", offer=task.offer_hash.hex(), reason=task.reason)
            return
        awarded = {award.message.worker for award in self._context.store.awards(task.offer_hash)}
        self._releases.add(bid for worker, bid in book.bids.items() if worker not in awarded)

    def _abandon(self, offer_hash: bytes) -> None:
        """End a task that was cancelled on its way; a worker that holds its award may still be paid."""
        task = self._context.store.task(Role.REQUESTER, offer_hash)
        ends = {TaskState.OFFERED: TaskState.UNBID, TaskState.AWARDED: TaskState.UNANSWERED}
        if task is not None and task.state in ends:
            self._context.move(task, ends[TaskState(task.state)], reason="the submission was cancelled")

    async def _collect(self, books: Sequence[BidBook]) -> None:
        """Wait for bids: the bid wait, or until every offer has enough."""
        until = trio.current_time() + self._settings.bid_wait
        while (left := until - trio.current_time()) > 0:
            if all(len(book.bids) >= self._settings.enough_bids for book in books):
                return
            await self._desk.changed(left)

    async def _resume(self) -> None:
        """Offers that a crash left without an award are over; awarded ones are asked for again."""
        context = self._context
        for task in context.store.tasks(Role.REQUESTER, [TaskState.OFFERED]):
            context.move(task, TaskState.UNBID, reason="the node restarted before a bid was awarded")
        async with trio.open_nursery() as nursery:
            for task in context.store.tasks(Role.REQUESTER, [TaskState.AWARDED]):
                nursery.start_soon(self._resend, task)

    async def _resend(self, task: TaskEntry) -> None:
        while True:
            outcome = await self._awarder.send(task)
            if isinstance(outcome, TaskEntry):
                return
            if outcome.final:
                self._context.move(task, TaskState.UNANSWERED, reason=outcome.reason)
                return
            await self._context.clock.sleep(self._settings.poll_seconds)

    def _outcome(self, task: TaskEntry) -> TaskOutcome:
        award = task.award.message if task.award is not None else None
        return TaskOutcome(
            offer_hash=task.offer_hash,
            state=TaskState(task.state),
            task_id=task.task_id or b"",
            worker=award.worker if award is not None else b"",
            price=award.price if award is not None else 0,
            model_fee=award.model_fee if award is not None else 0,
            output=output_of(self._context.store, task),
            reason=task.reason,
        )


@asynccontextmanager
async def open_requester(
    context: Context,
    presence: Presence,
    settings: RequesterSettings,
    prover: Prover | None = None,
) -> AsyncIterator[Requester]:
    """A running requester; with `prover` the seals of its receipts are verified locally as well."""
    requester = Requester(context, presence, settings, prover)
    async with open_background(requester.run):
        yield requester
