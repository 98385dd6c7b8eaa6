"""Follows answered tasks to their receipt: asks the workers how far they are, checks the receipt, believes
the chain alone on whether something was paid."""

from dataclasses import replace
from typing import NamedTuple

import trio

from p2pnode.errors import ChainError, NetworkError, ProtocolError, ProverError
from p2pnode.market.awards import Awarder
from p2pnode.market.context import Context
from p2pnode.market.state import TaskState
from p2pnode.ports import Prover, Role, StreamProtocol, TaskEntry
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import Award, Decline, DeclineCode, Signed, TaskQuery, TaskStatus
from p2pnode.protocol.receipt import ProofClaim, Receipt, check_receipt, dump_receipt, parse_receipt

_ASK_TIMEOUT = 15.0
_PARALLEL = 8
_WATCHED = (TaskState.ANSWERED, TaskState.UNANSWERED)
_ANSWERED = (
    TaskState.ANSWERED,
    TaskState.PROVING,
    TaskState.PROVED,
    TaskState.SETTLING,
    TaskState.SETTLED,
)
_GIVEN_UP = (TaskState.MISSED, TaskState.SKIPPED, TaskState.DECLINED)


class _Heard(NamedTuple):
    """What one worker said: whether the task is settled, whether it will not settle it, and its words."""

    settled: bool
    gave_up: bool
    progress: str


class SettlementWatch:
    """Polls the workers of tasks that wait for their settlement.

    With a `prover` every receipt's seal is verified here as well, beside the chain's own check.
    """

    def __init__(
        self, context: Context, awarder: Awarder, poll_seconds: float, prover: Prover | None
    ) -> None:
        self._context = context
        self._awarder = awarder
        self._poll_seconds = poll_seconds
        self._prover = prover
        self._verifying = trio.Lock()
        self._verified: ProofClaim | None = None
        self._changed = trio.Event()
        self._told: dict[bytes, tuple[str, str]] = {}

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.poll()
            await self._context.clock.sleep(self._poll_seconds)

    async def settled(self, offer_hash: bytes) -> TaskEntry:
        """Wait until an answered task has its receipt or will not get one."""
        while True:
            changed = self._changed
            task = self._context.store.task(Role.REQUESTER, offer_hash)
            if task is not None and task.state != TaskState.ANSWERED:
                return task
            await changed.wait()

    async def poll(self) -> None:
        """Ask once about every task that waits."""
        limit = trio.CapacityLimiter(_PARALLEL)
        async with trio.open_nursery() as nursery:
            for task in self._context.store.tasks(Role.REQUESTER, _WATCHED):
                if task.state == TaskState.ANSWERED or not self._is_over(task):
                    nursery.start_soon(self._follow, task, limit)

    async def ask(self, task: TaskEntry) -> None:
        """Ask once about one task, whatever it waits for."""
        await self._follow(task, trio.CapacityLimiter(1))

    async def _follow(self, task: TaskEntry, limit: trio.CapacityLimiter) -> None:
        """Ask the newest worker, then the earlier ones where one of them may be the one that is paid."""
        async with limit:
            try:
                heard = [await self._hear(task)]
                earlier = self._earlier_awards(task)
                if earlier and not heard[0].settled and await self._may_pay_another(task, heard[0]):
                    for award in earlier:
                        heard.append(await self._hear(await self._under(task, award)))
                        if heard[-1].settled:
                            break
                over = self._is_over(task) or all(worker.gave_up for worker in heard)
                # While a worker is under report it may settle after all, so nothing is over.
                if over and task.state != TaskState.REPORTED and not any(worker.settled for worker in heard):
                    await self._end(task, heard[0].progress)
            except (NetworkError, ChainError) as error:
                self._context.on_event("settlement.unknown", offer=task.offer_hash.hex(), reason=str(error))

    async def _hear(self, task: TaskEntry) -> _Heard:
        """Ask the worker of the task's award, take its answer where one is due and its receipt."""
        try:
            status = await self._ask(task)
            if task.state == TaskState.UNANSWERED and status.state in _ANSWERED:
                # The worker was only slow or cut off, and will be paid: its answer is still worth having.
                task = await self._fetch_answer(task)
            if status.receipt:
                await self._accept(task, parse_receipt(status.receipt))
            return _Heard(bool(status.receipt), status.state in _GIVEN_UP, status.progress)
        except (NetworkError, ChainError) as error:
            self._context.on_event("settlement.unknown", offer=task.offer_hash.hex(), reason=str(error))
        except (ProtocolError, ProverError) as error:
            self._context.on_event("receipt.refused", offer=task.offer_hash.hex(), reason=str(error))
        return _Heard(False, False, "")

    def _earlier_awards(self, task: TaskEntry) -> list[Signed[Award]]:
        """Awards of the same offer to other workers, newest first."""
        awards = self._context.store.awards(task.offer_hash)
        return [award for award in reversed(awards) if award != task.award]

    async def _may_pay_another(self, task: TaskEntry, newest: _Heard) -> bool:
        """All awards of an offer carry its nonce, so until that is used nobody else has a receipt."""
        offer = task.offer.message
        if newest.gave_up or task.state == TaskState.UNANSWERED:
            return True
        return await self._context.chain.is_nonce_used(offer.requester, offer.nonce)

    async def _under(self, task: TaskEntry, award: Signed[Award]) -> TaskEntry:
        """The task as it would be with `award` as its newest one; nothing is written."""
        context, worker = self._context, award.message.worker
        node = await context.chain.node(worker)
        if node is None:
            raise NetworkError(f"worker 0x{worker.hex()} is not registered, so its peer is not known")
        current = context.store.task(Role.REQUESTER, task.offer_hash) or task
        return replace(
            current, award=award, task_id=context.digest(award.message), peer=node.peer_id, result=None
        )

    async def _fetch_answer(self, task: TaskEntry) -> TaskEntry:
        answered = await self._awarder.send(task, late=True)
        return answered if isinstance(answered, TaskEntry) else task

    async def _ask(self, task: TaskEntry) -> TaskStatus:
        if task.task_id is None:
            raise ProtocolError(f"offer {task.offer_hash.hex()} has no award to ask about")
        response = await self._context.bus.request(
            task.peer,
            StreamProtocol.TASK,
            encode(TaskQuery(task.task_id)),
            timeout=_ASK_TIMEOUT,
            max_response=max_size(TaskStatus),
        )
        status = decode_any(response, max_size(TaskStatus))
        if isinstance(status, Decline):
            if status.code == DeclineCode.UNKNOWN_BID:
                # A worker that never took the award cannot be paid for it.
                return TaskStatus(task.task_id, TaskState.DECLINED, status.reason[:200], b"")
            raise ProtocolError(f"{status.code}: {status.reason}")
        if not isinstance(status, TaskStatus) or status.task_id != task.task_id:
            raise ProtocolError(f"the worker sent a {type(status).__name__}; the task's status is due")
        if self._told.get(task.task_id) != (status.state, status.progress):
            self._told[task.task_id] = (status.state, status.progress)
            self._context.on_event(
                "task.progress", task_id=task.task_id.hex(), state=status.state, progress=status.progress
            )
        return status

    async def _accept(self, task: TaskEntry, receipt: Receipt) -> None:
        context = self._context
        if receipt.domain != context.domain:
            raise ProtocolError(f"receipt is for {receipt.domain}; the settlement is on {context.domain}")
        if receipt.task_id != task.task_id:
            raise ProtocolError(f"receipt is for task {receipt.task_id.hex()}; another was asked for")
        claim = check_receipt(receipt)
        await self._verify(claim)
        award = receipt.award.message
        if not await context.chain.is_nonce_used(award.requester, award.nonce):
            raise ProtocolError("the chain has not paid for this receipt yet")
        if task.result is None:
            # Another worker answered, and may have answered otherwise: the paid one's answer counts.
            task = await self._fetch_answer(task)
        with context.store.transaction():
            context.store.add_receipt(receipt.task_id, dump_receipt(receipt))
            context.move(task, TaskState.SETTLED, result=task.result or receipt.result)
        self._told.pop(receipt.task_id, None)
        context.on_event(
            "receipt.stored",
            task_id=receipt.task_id.hex(),
            transaction=receipt.transaction.hex(),
            answer_is_proved=receipt.answer_is_proved,
        )
        self._notify()

    async def _verify(self, claim: ProofClaim) -> None:
        """Verify a seal once for all receipts of its batch."""
        if self._prover is None:
            return
        if claim.image_id != self._prover.image_id:
            raise ProtocolError(
                f"imageId is {claim.image_id.hex()}; this network's guest is {self._prover.image_id.hex()}"
            )
        async with self._verifying:
            if claim != self._verified:
                await self._prover.verify(claim.journal, claim.seal)
                self._verified = claim

    async def _end(self, task: TaskEntry, said: str) -> None:
        """Every worker gave up or the deadline has passed: what the chain says counts."""
        offer, context = task.offer.message, self._context
        paid = await context.chain.is_nonce_used(offer.requester, offer.nonce)
        task = context.store.task(Role.REQUESTER, task.offer_hash) or task
        if paid:
            context.move(task, TaskState.SETTLED, reason="paid, but no worker gave a receipt")
        elif task.state == TaskState.ANSWERED:
            reason = said or "not settled by settle_deadline"
            context.move(task, TaskState.UNSETTLED, reason=f"{reason}; nothing was paid")
        else:
            return
        self._told.pop(task.task_id or b"", None)
        context.on_event("task.ended", offer=task.offer_hash.hex(), paid=paid)
        self._notify()

    def _is_over(self, task: TaskEntry) -> bool:
        return task.offer.message.settle_deadline + 30 < self._context.clock.now()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
