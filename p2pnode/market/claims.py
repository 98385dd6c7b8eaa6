"""The requester's claims: workers that answered and never settled are reported, and the report is ended.

The key of each transaction is the task's, so that a crash between chain and ledger sends nothing twice.
"""

from typing import Final

from p2pnode.errors import ChainError
from p2pnode.market.commitments import promised
from p2pnode.market.context import Context
from p2pnode.market.state import TaskState
from p2pnode.market.watch import SettlementWatch
from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.messages import Award

_POLL_SECONDS: Final = 60
_GRACE: Final = 60
"""Seconds after the deadline before a report: a settlement may be on its way into a block."""
REPORT_WINDOW: Final = 24 * 3600
"""Seconds after the settle deadline in which the contract takes a report."""


class Claims:
    """Reports missed awards of this requester and closes the reports that nobody answered."""

    def __init__(self, context: Context, watch: SettlementWatch) -> None:
        self._context = context
        self._watch = watch

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            for task in self._context.store.tasks(Role.REQUESTER, [TaskState.UNSETTLED, TaskState.REPORTED]):
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
        context, now, award, result = self._context, self._context.clock.now(), task.award, task.result
        if award is None or result is None or task.task_id is None:
            return
        deadline, name = award.message.settle_deadline, task.task_id.hex()
        if task.state == TaskState.UNSETTLED:
            if not deadline + _GRACE < now < deadline + REPORT_WINDOW - _GRACE:
                return
            if not await self._affords(award.message):
                return
            until = await context.chain.report_unproved(award, result, f"report/{name}")
            context.move(task, TaskState.REPORTED, reason=f"under report until {until}")
            context.on_event("report.sent", task_id=name, worker=award.message.worker.hex(), until=until)
            return
        await self._watch.ask(task)
        until = await context.chain.report_unproved(award, result, f"report/{name}")
        if until >= now or context.store.task(Role.REQUESTER, task.offer_hash) != task:
            return
        if await context.chain.is_nonce_used(award.message.requester, award.message.nonce):
            # The worker, if it was the one, would have given its receipt by now; a rescuer is not asked.
            context.move(task, TaskState.SETTLED, reason="settled under report, and no receipt was given")
            context.on_event("task.ended", offer=task.offer_hash.hex(), paid=True)
        else:
            await context.chain.close_report(award.message, f"close/{name}")
            context.move(task, TaskState.UNSETTLED, reason="not settled, and its worker lost stake for it")
            context.on_event("report.closed", task_id=name, worker=award.message.worker.hex())
