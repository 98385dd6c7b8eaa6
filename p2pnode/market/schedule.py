"""Whether a worker can keep one more promise: earliest deadline first over what it holds. Pure.

One proof runs at a time, so the work is a single queue, and on one machine the order by deadline meets all
deadlines whenever any order does (Jackson's rule; Liu and Layland 1973). A worker that bids only where this
queue still works out has no reason to miss a settlement but a fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a model takes here: one answer, and a proof of n tasks, `fixed + n * each` seconds."""

    answer: float
    fixed: float
    each: float

    def proof(self, tasks: int) -> float:
        """Seconds of one proof."""
        return self.fixed + tasks * self.each


@dataclass(frozen=True, slots=True)
class Held:
    """One task that is promised: its model and the second by which its proof must be done."""

    model_digest: bytes
    deadline: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that will be proved together, by the nearest of their deadlines."""

    deadline: float
    seconds: float


def batches(tasks: Iterable[Held], paces: Mapping[bytes, Pace], size: int) -> list[Batch]:
    """The proofs that these tasks make, `size` tasks at the most in each, the nearest deadline first."""
    by_model: dict[bytes, list[float]] = {}
    for task in tasks:
        by_model.setdefault(task.model_digest, []).append(task.deadline)
    made = []
    for model, deadlines in by_model.items():
        deadlines.sort()
        for start in range(0, len(deadlines), size):
            part = deadlines[start : start + size]
            made.append(Batch(part[0], paces[model].proof(len(part))))
    return sorted(made, key=lambda batch: batch.deadline)


def lateness(queue: Sequence[Batch], now: float) -> float:
    """By how many seconds the worst of the proofs would be late, one after the other from `now` on.

    Negative when all are in time: then it is what the tightest one has to spare.
    """
    done, worst = now, float("-inf")
    for batch in queue:
        done += batch.seconds
        worst = max(worst, done - batch.deadline)
    return worst
