"""The requester's claims: missed awards are reported, and their reports are followed to their end.

By default those that were answered and never settled, by the worker's own signed result. A requester that
publishes inputs reports those that were never answered as well, and both with the input, so that another
worker may prove the task. The key of each transaction is the task's, so that a crash between chain and ledger
sends nothing twice.
"""

from typing import Final

from p2pnode.errors import ChainError
from p2pnode.market.commitments import promised
from p2pnode.market.context import Context
from p2pnode.market.rescues.received import RescuedAnswers
from p2pnode.market.state import TaskState
from p2pnode.market.watch import SettlementWatch
from p2pnode.ports import Papers, Role, TaskEntry
from p2pnode.protocol.messages import Award

_POLL_SECONDS: Final = 60
_GRACE: Final = 60
"""Seconds after the deadline before a report: a settlement may be on its way into a block."""
REPORT_WINDOW: Final = 24 * 3600
"""Seconds after the settle deadline in which the contract takes a report."""
LONGEST_PUBLIC_INPUT: Final = 100_000
"""Bytes of an input that a report can publish: nodes pass on no transaction above 128 KiB."""


class Claims:
    """Reports missed awards of this requester and closes the reports that nobody answered."""

    def __init__(self, context: Context, watch: SettlementWatch, *, publish_input: bool) -> None:
        self._context = context
        self._watch = watch
        self._publish_input = publish_input
        self._rescued = RescuedAnswers(context)
        self._missed = [TaskState.UNSETTLED, *([TaskState.UNANSWERED] if publish_input else [])]

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            for task in self._context.store.tasks(Role.REQUESTER, [*self._missed, TaskState.REPORTED]):
                try:
                    await self._follow(task)
                except ChainError as error:
                    self._context.on_event("report.failed", offer=task.offer_hash.hex(), reason=str(error))
            await self._context.clock.sleep(_POLL_SECONDS)

    async def _affords(self, award: Award) -> bool:
        """Whether the escrow covers it beside what is promised: a report must not uncover an award."""
        free = await self._context.chain.free_escrow(award.requester)
        return free - promised(self._context, award.model_fee) >= award.price + award.model_fee

    async def _follow(self, task: TaskEntry) -> None:
        if task.award is None or task.task_id is None:
            return
        if task.state == TaskState.REPORTED:
            await self._follow_report(task, task.task_id, task.award.message)
        else:
            await self._report_if_due(task, task.task_id, task.award.message)

    async def _report_if_due(self, task: TaskEntry, task_id: bytes, award: Award) -> None:
        context, now, deadline = self._context, self._context.clock.now(), award.settle_deadline
        if not deadline + _GRACE < now < deadline + REPORT_WINDOW - _GRACE:
            return
        if task.result is None and self._papers(task) is None:
            return
        if await context.chain.is_nonce_used(award.requester, award.nonce) or not await self._affords(award):
            return
        until = await self._report(task, task_id)
        context.move(task, TaskState.REPORTED, reason=f"under report until {until}")
        context.on_event("report.sent", task_id=task_id.hex(), worker=award.worker.hex(), until=until)

    async def _report(self, task: TaskEntry, task_id: bytes) -> int:
        """Report an award, unless it was; when the report can be closed."""
        chain, papers, key = self._context.chain, self._papers(task), f"report/{task_id.hex()}"
        if papers is not None:
            return await chain.report_missed(papers, key)
        assert task.award is not None
        assert task.result is not None
        return await chain.report_unproved(task.award, task.result, key)

    def _papers(self, task: TaskEntry) -> Papers | None:
        """What a report with the input hands over; None where there is to be none."""
        tensors = self._context.store.content(task.offer.message.input_digest)
        if task.award is None or task.bid is None or tensors is None or len(tensors) > LONGEST_PUBLIC_INPUT:
            return None
        if task.result is not None and not self._publish_input:
            return None
        return Papers(task.offer.message, task.bid, task.award, tensors)

    async def _follow_report(self, task: TaskEntry, task_id: bytes, award: Award) -> None:
        context, now = self._context, self._context.clock.now()
        await self._watch.ask(task)
        until = await self._report(task, task_id)
        if context.store.task(Role.REQUESTER, task.offer_hash) != task:
            return
        if await context.chain.is_nonce_used(award.requester, award.nonce):
            over = until < now
            if not await self._rescued.take(task, last_try=over) and over:
                # The worker, if it was the one, would have given its receipt by now.
                context.move(task, TaskState.SETTLED, reason="settled under report, and no receipt was given")
                context.on_event("task.ended", offer=task.offer_hash.hex(), paid=True)
        elif until < now:
            await context.chain.close_report(award, f"close/{task_id.hex()}")
            reason, state = "not settled, and its worker lost stake for it", TaskState.UNSETTLED
            if task.result is None:
                reason, state = "not answered under report either", TaskState.UNANSWERED
            context.move(task, state, reason=reason)
            context.on_event("report.closed", task_id=task_id.hex(), worker=award.worker.hex())
