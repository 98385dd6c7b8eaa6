"""The worker's answer to reports: awards whose deadline has passed, and which it may still settle.

A worker loses stake for an award that it answered and never settled, or that another settles in its place. A
report names the time until which it can still be paid, and one for an award that never arrived hands it over.
"""

from dataclasses import replace
from typing import Final

from p2pnode.errors import ChainError, P2PNodeError, ProtocolError
from p2pnode.market.assignments import Assignments
from p2pnode.market.context import Context
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.state import TaskState
from p2pnode.ports import Papers, ReportedAward, Role, TaskEntry
from p2pnode.protocol.messages import Award, Signed
from p2pnode.protocol.tensors import tensors_digest

_POLL_SECONDS: Final = 60
_ENDED: Final = (TaskState.MISSED, TaskState.LOST, TaskState.SKIPPED)


class ReportAnswers:
    """Watches the chain for reports of this account's awards and takes those tasks up again."""

    def __init__(self, context: Context, assignments: Assignments, deadlines: Deadlines) -> None:
        self._context = context
        self._assignments = assignments
        self._deadlines = deadlines

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                for report in await self._context.chain.reported_awards():
                    await self._answer(report)
            except ChainError as error:
                self._context.on_event("chain.unreachable", error=str(error))
            await self._context.clock.sleep(_POLL_SECONDS)

    async def _answer(self, report: ReportedAward) -> None:
        context = self._context
        if not self._deadlines.extend(report.task_id, report.answer_until):
            return
        context.on_event("award.reported", task_id=report.task_id.hex(), answer_until=report.answer_until)
        task = context.store.task_by_id(Role.WORKER, report.task_id)
        try:
            if task is None and report.papers is not None:
                task = self._take(report.task_id, report.papers)
            if task is None:
                raise ProtocolError("the ledger has no such award, and the report hands none over")
            if task.state in _ENDED:
                task = self._reopen(task)
            await self._assignments.run_reported(task)
        except P2PNodeError as error:
            context.on_event("report.unanswered", task_id=report.task_id.hex(), reason=str(error))

    def _take(self, task_id: bytes, papers: Papers) -> TaskEntry | None:
        """An award that never arrived, for a bid that this worker made."""
        context, award = self._context, papers.award.message
        task = context.store.task(Role.WORKER, award.offer_hash)
        if task is None or task.bid is None or context.digest(task.bid.message) != award.bid_hash:
            return None
        if tensors_digest(papers.tensors) != award.input_digest:
            raise ProtocolError("the input of the report is not that of the award")
        return self._award(task, papers.award, task_id, papers.tensors)

    def _award(self, task: TaskEntry, award: Signed[Award], task_id: bytes, tensors: bytes) -> TaskEntry:
        context = self._context
        if task.state == TaskState.BID:
            task = context.move(task, TaskState.LOST, reason="the bid ran out without an award")
        if task.state != TaskState.LOST:
            raise ProtocolError(f"the bid was taken by another award, and that task is {task.state}")
        with context.store.transaction():
            context.store.put_content(tensors)
            return context.move(task, TaskState.AWARDED, award=award, task_id=task_id, reason="")

    def _reopen(self, task: TaskEntry) -> TaskEntry:
        state = TaskState.ANSWERED if task.result is not None else TaskState.AWARDED
        return self._context.move(replace(task, reason=""), state)
