"""Until when a worker's task can be settled: its award's deadline, or later while it is under report."""

from p2pnode.ports import TaskEntry


class Deadlines:
    """What the chain said of reported awards. Kept in memory: the chain is asked again after a restart."""

    def __init__(self) -> None:
        self._answer_until: dict[bytes, int] = {}

    def extend(self, task_id: bytes, answer_until: int) -> bool:
        """Note a report; False if it was noted before."""
        new = self._answer_until.get(task_id) != answer_until
        self._answer_until[task_id] = answer_until
        return new

    def of(self, task: TaskEntry) -> int:
        """Latest time of the settlement, seconds UTC."""
        return max(task.offer.message.settle_deadline, self._answer_until.get(task.task_id or b"", 0))

    def is_extended(self, task: TaskEntry) -> bool:
        """Whether the task is under report, so that its answer is no longer waited for."""
        return task.task_id in self._answer_until
