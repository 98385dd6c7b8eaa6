"""What a node earned and spent: settled tasks and rescues of the ledger, and those that come."""

from collections.abc import Mapping
from dataclasses import dataclass

from p2pnode.market.rescues.state import RescueState
from p2pnode.market.state import TaskState
from p2pnode.ports import RescueEntry, Role, Store, TaskEntry


@dataclass(frozen=True, slots=True)
class Total:
    """Settled tasks of one role; `amount` in the smallest unit: prices, and a requester's model fees."""

    tasks: int
    amount: int


class Totals:
    """An `events.Follower` that adds up; reads the ledger once, when it is made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: dict[Role, set[bytes]] = {}
        self._amounts: dict[Role, int] = {}
        for role in Role:
            tasks = store.tasks(role, [TaskState.SETTLED])
            self._counted[role] = {task.offer_hash for task in tasks}
            self._amounts[role] = sum(_worth(task) for task in tasks)
        for rescue in store.rescues(Role.WORKER, [RescueState.RESCUED]):
            self._count_rescue(rescue)

    def of(self, role: Role) -> Total:
        """Up to now."""
        return Total(len(self._counted[role]), self._amounts[role])

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Count a paid task, once: when its receipt is stored, or without one when the chain says so."""
        if name == "receipt.stored":
            for role in Role:
                self._count(self._store.task_by_id(role, bytes.fromhex(str(fields.get("task_id", "")))))
        elif name == "task.ended" and fields.get("paid"):
            self._count(self._store.task(Role.REQUESTER, bytes.fromhex(str(fields.get("offer", "")))))
        elif name == "rescue.settled":
            self._count_rescue(self._store.rescue(Role.WORKER, bytes.fromhex(str(fields.get("task_id", "")))))

    def _count_rescue(self, rescue: RescueEntry | None) -> None:
        award = rescue.award.message if rescue is not None else None
        if award is not None and award.offer_hash not in self._counted[Role.WORKER]:
            self._counted[Role.WORKER].add(award.offer_hash)
            self._amounts[Role.WORKER] += award.price

    def _count(self, task: TaskEntry | None) -> None:
        if task is not None and task.offer_hash not in self._counted[task.role]:
            self._counted[task.role].add(task.offer_hash)
            self._amounts[task.role] += _worth(task)


def _worth(task: TaskEntry) -> int:
    if task.award is None:
        return 0
    award = task.award.message
    return award.price + (award.model_fee if task.role == Role.REQUESTER else 0)
