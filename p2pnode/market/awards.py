"""Awards a task and gets its answer: the best bid first, the next one when a worker fails.

All awards of an offer carry its nonce, which pays once: however many workers answer, one of them is paid.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from p2pnode.errors import MarketError, NetworkError, ProtocolError
from p2pnode.market.bids import BidBook
from p2pnode.market.context import Context
from p2pnode.market.selection import RankedBid
from p2pnode.market.settings import RequesterSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import StreamProtocol, TaskEntry
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.eip712 import verify
from p2pnode.protocol.messages import Answer, Assignment, Award, Decline, DeclineCode, Offer, Signed
from p2pnode.protocol.tensors import decode_tensors, tensors_digest

MAX_RESPONSE = max_size(Answer)
_MOST_LATENCIES = 4096

_NOT_THE_WORKER = frozenset(
    {DeclineCode.WRONG_INPUT, DeclineCode.ESCROW_TOO_LOW, DeclineCode.EXPIRED, DeclineCode.PRICE_TOO_LOW}
)
"""Declines after a bid that do not count against the worker."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a worker gave no answer; `final` if asking it again is useless."""

    reason: str
    final: bool


class Awarder:
    """Turns bids for an offer into an answer."""

    def __init__(self, context: Context, settings: RequesterSettings) -> None:
        self._context = context
        self._settings = settings
        self._latencies: OrderedDict[bytes, float] = OrderedDict()

    async def answer(
        self, task: TaskEntry, ranked: Sequence[RankedBid], book: BidBook, model_fee: int
    ) -> TaskEntry:
        """Award `task` until a worker answers; the task as ANSWERED or UNANSWERED.

        Workers that bid only after the ranking was made come last.
        """
        context, tried = self._context, set[bytes]()
        failures: list[str] = []
        final = False
        while True:
            bid = self._next(ranked, book, tried)
            if bid is not None:
                tried.add(bid.bid.message.worker)
                task = self._award(task, bid, model_fee)
            elif task.state == TaskState.AWARDED and not final and self._has_time(book.offer):
                # Nobody else bid: the last worker may have restarted, and holds an award that pays it.
                await context.clock.sleep(self._settings.poll_seconds)
            else:
                break
            outcome = await self.send(task)
            if isinstance(outcome, TaskEntry):
                return outcome
            final = outcome.final
            worker = task.award.message.worker.hex() if task.award is not None else ""
            failures.append(f"0x{worker}: {outcome.reason}")
            context.on_event(
                "task.failover", offer=task.offer_hash.hex(), worker=worker, reason=outcome.reason
            )
        reason = "; ".join(dict.fromkeys(failures)) or "every bid ran out before it could be awarded"
        if task.state == TaskState.OFFERED:
            return context.move(task, TaskState.UNBID, reason=reason)
        return context.move(task, TaskState.UNANSWERED, reason=reason)

    def latency(self, worker: bytes) -> float | None:
        """Seconds that this worker's answers take, the last ones counting most; None if it gave none."""
        return self._latencies.get(worker)

    async def send(self, task: TaskEntry, *, late: bool = False) -> TaskEntry | NoAnswer:
        """Send an awarded task to its worker: the answered task, or why there is no answer.

        Sending it again is safe, the worker repeats its answer; `late` also after the result deadline.
        """
        context, award = self._context, task.award
        if award is None or task.task_id is None:
            raise MarketError(f"offer {task.offer_hash.hex()} is not awarded; award it before it is sent")
        tensors = context.store.content(award.message.input_digest)
        if tensors is None:
            raise MarketError(f"the input of offer {task.offer_hash.hex()} is not in the ledger")
        left = award.message.result_deadline - context.clock.now()
        timeout = self._settings.answer_seconds if late else min(self._settings.answer_seconds, left)
        if timeout <= 0:
            return NoAnswer(f"result_deadline {award.message.result_deadline} has passed", True)
        started = trio.current_time()
        try:
            sealed = context.seals.seal(task.peer, task.task_id, tensors)
            response = await context.bus.request(
                task.peer,
                StreamProtocol.TASK,
                encode(Assignment(award, sealed)),
                timeout=timeout,
                max_response=MAX_RESPONSE,
            )
            message = decode_any(response, MAX_RESPONSE)
            if isinstance(message, Decline):
                self._count(award, answered=False, code=message.code)
                reason = f"{message.code}: {message.reason}"
                return NoAnswer(reason, message.code != DeclineCode.INTERNAL)
            answer = self._checked(message, task.task_id, award)
        except (NetworkError, ProtocolError) as error:
            self._count(award, answered=False)
            return NoAnswer(str(error), False)
        self._measure(award.message.worker, trio.current_time() - started)
        with context.store.transaction():
            context.store.put_content(answer.output)
            context.store.record_outcome(award.message.worker, answered=True)
            task = context.move(task, TaskState.ANSWERED, result=answer.result)
        context.on_event(
            "answer.received",
            task_id=task.task_id.hex() if task.task_id else "",
            offer=task.offer_hash.hex(),
            worker=award.message.worker.hex(),
            model=to_cid(award.message.model_digest),
            seconds=trio.current_time() - started,
        )
        return task

    def _measure(self, worker: bytes, seconds: float) -> None:
        before = self._latencies.pop(worker, seconds)
        self._latencies[worker] = before + (seconds - before) / 4
        if len(self._latencies) > _MOST_LATENCIES:
            self._latencies.popitem(last=False)

    def _next(self, ranked: Sequence[RankedBid], book: BidBook, tried: set[bytes]) -> RankedBid | None:
        now = self._context.clock.now()
        if not self._has_time(book.offer):
            return None
        for bid in [*ranked, *book.bids.values()]:
            if bid.bid.message.worker not in tried and bid.bid.message.valid_until > now:
                return bid
        return None

    def _has_time(self, offer: Offer) -> bool:
        return self._context.clock.now() < offer.result_deadline

    def _award(self, task: TaskEntry, ranked: RankedBid, model_fee: int) -> TaskEntry:
        context, offer, bid = self._context, task.offer.message, ranked.bid.message
        award = Award(
            offer_hash=task.offer_hash,
            bid_hash=context.digest(bid),
            requester=offer.requester,
            worker=bid.worker,
            model_digest=offer.model_digest,
            input_digest=offer.input_digest,
            price=bid.price,
            model_fee=model_fee,
            result_deadline=offer.result_deadline,
            settle_deadline=offer.settle_deadline,
            nonce=offer.nonce,
        )
        task_id = context.digest(award)
        task = context.move(
            task,
            TaskState.AWARDED,
            award=context.sign(award),
            task_id=task_id,
            bid=ranked.bid,
            peer=ranked.peer,
        )
        context.on_event(
            "award.sent",
            task_id=task_id.hex(),
            offer=task.offer_hash.hex(),
            worker=bid.worker.hex(),
            model=to_cid(offer.model_digest),
            price=bid.price,
            model_fee=model_fee,
            peer=ranked.peer,
        )
        return task

    def _checked(self, message: object, task_id: bytes, award: Signed[Award]) -> Answer:
        if not isinstance(message, Answer):
            raise ProtocolError(f"the worker sent a {type(message).__name__}; an answer or a decline is due")
        result = message.result.message
        if result.task_id != task_id:
            raise ProtocolError(f"result.task_id is {result.task_id.hex()}; the award is {task_id.hex()}")
        verify(self._context.domain, message.result, award.message.worker)
        found = tensors_digest(message.output)
        if found != result.output_digest:
            raise ProtocolError(
                f"output hashes to {found.hex()}; the result has output_digest {result.output_digest.hex()}"
            )
        decode_tensors(message.output)
        return message

    def _count(self, award: Signed[Award], *, answered: bool, code: DeclineCode | None = None) -> None:
        if code not in _NOT_THE_WORKER:
            self._context.store.record_outcome(award.message.worker, answered=answered)
