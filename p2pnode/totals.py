"""What a node earned and spent: settled tasks of the ledger, and those that come."""

from collections.abc import Mapping
from dataclasses import dataclass

from p2pnode.market.state import TaskState
from p2pnode.ports import Role, Store, TaskEntry


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

    def of(self, role: Role) -> Total:
        """Up to now."""
        return Total(len(self._counted[role]), self._amounts[role])

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Count the task of a stored receipt, once."""
        if name != "receipt.stored":
            return
        for role in Role:
            task = self._store.task_by_id(role, bytes.fromhex(str(fields.get("task_id", ""))))
            if task is not None and task.offer_hash not in self._counted[role]:
                self._counted[role].add(task.offer_hash)
                self._amounts[role] += _worth(task)


def _worth(task: TaskEntry) -> int:
    if task.award is None:
        return 0
    award = task.award.message
    return award.price + (award.model_fee if task.role == Role.REQUESTER else 0)
