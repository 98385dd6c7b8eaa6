"""The worker's side of an award: take it, run the model at once, answer, and tell how far a task is.

An assignment may come twice (a stream that broke, a requester that restarted): the second one gets the
answer of the first. Nothing that a peer sends makes the handler raise.
"""

from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import trio

from p2pnode.errors import InferenceError, P2PNodeError, ProtocolError
from p2pnode.market.answers import Answers
from p2pnode.market.checks import CLOCK_SKEW, check_award, check_escrow, check_input, check_listing
from p2pnode.market.context import Context
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.models import ModelShelf
from p2pnode.market.refusal import Refusal
from p2pnode.market.state import OPEN, TaskState
from p2pnode.ports import ProofTask, Role, TaskEntry
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import (
    Answer,
    Assignment,
    Decline,
    DeclineCode,
    Offer,
    Quote,
    Result,
    Signed,
    TaskQuery,
    TaskStatus,
)
from p2pnode.protocol.tensors import tensors_digest

MAX_REQUEST = max_size(Assignment)
"""Bytes of the largest request on the task stream."""

_NO_SUBJECT = bytes(32)


class Assignments:
    """Handles the task stream. `on_answered` is called whenever a task waits to be proved."""

    def __init__(
        self,
        context: Context,
        answers: Answers,
        models: ModelShelf,
        progress: Callable[[bytes], str],
        explain: Callable[[str, Signed[Offer]], Awaitable[Quote]],
        on_answered: Callable[[], None],
        deadlines: Deadlines,
    ) -> None:
        self._context = context
        self._answers = answers
        self._models = models
        self._progress = progress
        self._explain = explain
        self._on_answered = on_answered
        self._deadlines = deadlines
        self._locks: WeakValueDictionary[bytes, trio.Lock] = WeakValueDictionary()

    async def handle(self, peer: str, data: bytes) -> bytes:
        """Answer an Assignment with Answer, a TaskQuery with TaskStatus, a signed Offer with Quote, or any of
        them with Decline."""
        subject = _NO_SUBJECT
        try:
            message = decode_any(data, MAX_REQUEST)
            if isinstance(message, TaskQuery):
                subject = message.task_id
                return encode(self._status(message.task_id))
            if isinstance(message, Assignment):
                subject = self._context.digest(message.award.message)
                return encode(await self._assign(peer, message, subject))
            if isinstance(message, Signed) and isinstance(message.message, Offer):
                subject = self._context.digest(message.message)
                return encode(await self._explain(peer, message))
            if isinstance(message, Decline) and message.code == DeclineCode.OUTBID:
                self._release(peer, message.subject)
                return b""
            raise ProtocolError("only an assignment, a task-query or a signed-offer is answered here")
        except Refusal as error:
            refusal = error
        except ProtocolError as error:
            refusal = Refusal(DeclineCode.MALFORMED, str(error))
        except P2PNodeError as error:
            refusal = Refusal(DeclineCode.INTERNAL, f"this worker cannot go on now: {error}")
        except Exception as error:
            # A bug of ours must not end the stream silently: the requester would wait for its deadline.
            self._context.on_event("task.error", peer=peer, error=repr(error))
            refusal = Refusal(DeclineCode.INTERNAL, "this worker failed on its own; award another one")
        self._context.on_event(
            "award.refused", peer=peer, task_id=subject.hex(), code=refusal.code.value, reason=refusal.reason
        )
        return encode(refusal.decline(subject))

    async def run_reported(self, task: TaskEntry) -> None:
        """Run a task under report, if that is what it waits for. Raises Refusal if it cannot be run."""
        async with self._lock(task.offer_hash):
            if task.state == TaskState.AWARDED:
                await self._run(task)
        self._on_answered()

    async def resume(self) -> None:
        """Run what was awarded before a crash and not answered yet."""
        for task in self._context.store.tasks(Role.WORKER, [TaskState.AWARDED]):
            try:
                async with self._lock(task.offer_hash):
                    await self._run(task)
            except P2PNodeError as error:
                self._context.on_event("task.failed", task_id=_hex(task.task_id), reason=str(error))

    def _release(self, peer: str, offer_hash: bytes) -> None:
        """Free the place of a bid that its requester did not take."""
        task = self._context.store.task(Role.WORKER, offer_hash)
        if task is not None and task.state == TaskState.BID and task.peer == peer:
            self._context.move(task, TaskState.LOST, reason="another bid was taken")

    def _status(self, task_id: bytes) -> TaskStatus:
        task = self._context.store.task_by_id(Role.WORKER, task_id)
        if task is None:
            raise Refusal(DeclineCode.UNKNOWN_BID, f"task {task_id.hex()} was not awarded to this worker")
        receipt = self._context.store.receipt(task_id) or ""
        progress = task.reason or self._progress(task_id)
        return TaskStatus(task_id, task.state, progress[:200], receipt.encode())

    async def _assign(self, peer: str, assignment: Assignment, task_id: bytes) -> Answer:
        offer_hash = assignment.award.message.offer_hash
        async with self._lock(offer_hash):
            task = self._context.store.task(Role.WORKER, offer_hash)
            if task is None:
                raise Refusal(
                    DeclineCode.UNKNOWN_BID, f"this worker made no bid for offer {offer_hash.hex()}"
                )
            if task.state == TaskState.BID:
                await self._accept(peer, assignment, task)
                task = self._context.store.task(Role.WORKER, offer_hash) or task
            if task.task_id != task_id:
                raise Refusal(
                    DeclineCode.UNKNOWN_BID, f"the bid for offer {offer_hash.hex()} is {task.state} already"
                )
            if task.state == TaskState.AWARDED:
                task = await self._run(task)
            return self._answer(task)

    async def _accept(self, peer: str, assignment: Assignment, task: TaskEntry) -> None:
        context, award = self._context, assignment.award.message
        listing = check_listing(award.model_digest, await context.chain.listing(award.model_digest))
        check_award(assignment.award, task, context.domain, listing.fee, context.clock.now())
        try:
            tensors = context.seals.open(context.digest(award), assignment.sealed)
        except ProtocolError as error:
            raise Refusal(DeclineCode.WRONG_INPUT, str(error)) from error
        check_input(tensors, award.input_digest)
        if await context.chain.is_nonce_used(award.requester, award.nonce):
            raise Refusal(DeclineCode.EXPIRED, f"nonce {award.nonce} has paid already; offer with a new one")
        free = await context.chain.free_escrow(award.requester)
        owed = sum(
            other.award.message.price + other.award.message.model_fee
            for other in context.store.tasks(Role.WORKER, OPEN[Role.WORKER])
            if other.award is not None and other.award.message.requester == award.requester
        )
        check_escrow(award.price + award.model_fee, owed, free)
        with context.store.transaction():
            context.store.put_content(tensors)
            context.move(
                task,
                TaskState.AWARDED,
                award=assignment.award,
                task_id=context.digest(award),
                peer=peer,
            )
        context.on_event(
            "award.received",
            task_id=context.digest(award).hex(),
            offer=task.offer_hash.hex(),
            model=to_cid(award.model_digest),
            price=award.price,
            peer=peer,
        )

    async def _run(self, task: TaskEntry) -> TaskEntry:
        """Run an awarded task and write down its result; DECLINED or MISSED if that cannot be."""
        context, task_id = self._context, task.task_id
        assert task.award is not None
        assert task_id is not None
        award = task.award.message
        tensors = context.store.content(award.input_digest)
        if tensors is None:
            return context.move(task, TaskState.MISSED, reason="the input is no longer in the ledger")
        started = trio.current_time()
        try:
            model = await self._models.prepare(award.model_digest, [task.peer])
            output = await self._answers.output(model, ProofTask(task_id, tensors))
        except InferenceError as error:
            context.move(task, TaskState.DECLINED, reason=str(error))
            raise Refusal(DeclineCode.WRONG_INPUT, str(error)) from error
        except Refusal as refusal:
            context.move(task, TaskState.DECLINED, reason=refusal.reason)
            raise
        late = context.clock.now() > award.result_deadline + CLOCK_SKEW
        if late and not self._deadlines.is_extended(task):
            reason = f"the answer was ready after result_deadline {award.result_deadline}"
            context.move(task, TaskState.MISSED, reason=reason)
            raise Refusal(DeclineCode.EXPIRED, reason)
        result = context.sign(Result(task_id, tensors_digest(output)))
        with context.store.transaction():
            context.store.put_content(output)
            task = context.move(task, TaskState.ANSWERED, result=result)
        context.on_event(
            "answer.sent",
            task_id=task_id.hex(),
            model=to_cid(award.model_digest),
            seconds=trio.current_time() - started,
        )
        self._on_answered()
        return task

    def _answer(self, task: TaskEntry) -> Answer:
        if task.result is None:
            raise Refusal(DeclineCode.UNKNOWN_BID, f"the task is {task.state}: {task.reason}")
        output = self._context.store.content(task.result.message.output_digest)
        if output is None:
            raise Refusal(DeclineCode.INTERNAL, "the output is no longer in the ledger")
        return Answer(task.result, output)

    def _lock(self, offer_hash: bytes) -> trio.Lock:
        return self._locks.setdefault(offer_hash, trio.Lock())


def _hex(data: bytes | None) -> str:
    return data.hex() if data is not None else ""
