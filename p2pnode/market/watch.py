"""Follows answered tasks to their receipt: asks the worker how far it is, checks the receipt, believes the
chain alone on whether something was paid."""

import trio

from p2pnode.errors import ChainError, NetworkError, P2PNodeError, ProtocolError, ProverError
from p2pnode.market.awards import Awarder
from p2pnode.market.context import Context
from p2pnode.market.state import TaskState
from p2pnode.ports import Prover, Role, StreamProtocol, TaskEntry
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import Decline, TaskQuery, TaskStatus
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

    async def _follow(self, task: TaskEntry, limit: trio.CapacityLimiter) -> None:
        async with limit:
            try:
                status = await self._ask(task)
                if task.state == TaskState.UNANSWERED and status.state in _ANSWERED:
                    # The worker was only slow or cut off, and will be paid: its answer is still worth having.
                    answered = await self._awarder.send(task, late=True)
                    task = answered if isinstance(answered, TaskEntry) else task
                if status.receipt:
                    await self._accept(task, parse_receipt(status.receipt))
                elif status.state in _GIVEN_UP or self._is_over(task):
                    await self._end(task, status.progress)
            except (NetworkError, ChainError) as error:
                self._context.on_event("settlement.unknown", offer=task.offer_hash.hex(), reason=str(error))
                if self._is_over(task):
                    await self._end_if_known(task)
            except (ProtocolError, ProverError) as error:
                self._context.on_event("receipt.refused", offer=task.offer_hash.hex(), reason=str(error))
                if self._is_over(task):
                    await self._end_if_known(task)

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
        with context.store.transaction():
            context.store.add_receipt(receipt.task_id, dump_receipt(receipt))
            context.move(task, TaskState.SETTLED)
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

    async def _end(self, task: TaskEntry, said: str = "") -> None:
        """The worker gave up or the deadline has passed: what the chain says counts."""
        offer, context = task.offer.message, self._context
        paid = await context.chain.is_nonce_used(offer.requester, offer.nonce)
        if paid:
            context.move(task, TaskState.SETTLED, reason="paid, but the worker gave no receipt")
        elif task.state == TaskState.ANSWERED:
            reason = said or "not settled by settle_deadline"
            context.move(task, TaskState.UNSETTLED, reason=f"{reason}; nothing was paid")
        else:
            return
        self._told.pop(task.task_id or b"", None)
        context.on_event("task.ended", offer=task.offer_hash.hex(), paid=paid)
        self._notify()

    async def _end_if_known(self, task: TaskEntry) -> None:
        try:
            await self._end(task)
        except P2PNodeError as error:
            self._context.on_event("settlement.unknown", offer=task.offer_hash.hex(), reason=str(error))

    def _is_over(self, task: TaskEntry) -> bool:
        return task.offer.message.settle_deadline + 30 < self._context.clock.now()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
