"""What happened lately, for those who look on: the dashboard, event streams, `p2pnode top` and metrics.

Kept in memory and bounded: the ledger has the tasks themselves, this has the way they took.
"""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import trio

_MOST_EVENTS: Final = 4096
_MOST_OFFERS: Final = 1024
_MOST_STEPS: Final = 256
_REPEATED: Final = frozenset({"proof.progress", "task.progress"})
"""Of these a task's timeline keeps the newest in a row only."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event: its number since the start, seconds UTC, name, fields, and the offers (hex) it is about."""

    number: int
    at: float
    name: str
    fields: Mapping[str, object]
    offers: tuple[str, ...]


class History:
    """An `events.Follower` that remembers."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._number = 0
        self._all: deque[Happening] = deque(maxlen=_MOST_EVENTS)
        self._of: OrderedDict[str, list[Happening]] = OrderedDict()
        self._offer_of: OrderedDict[object, str] = OrderedDict()
        self._batches: OrderedDict[object, tuple[str, ...]] = OrderedDict()
        self._news = trio.Event()
        self.counts: Counter[str] = Counter()
        self.started = now()

    @property
    def number(self) -> int:
        """That of the newest event; 0 before the first."""
        return self._number

    @property
    def newest(self) -> Happening:
        """The newest event; there must be one."""
        return self._all[-1]

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Take in one event."""
        self._number += 1
        self.counts[name] += 1
        happening = Happening(self._number, self._now(), name, dict(fields), self._offers(fields))
        self._all.append(happening)
        for offer in happening.offers:
            steps = self._of.setdefault(offer, [])
            self._of.move_to_end(offer)
            if name in _REPEATED and steps and steps[-1].name == name:
                steps.pop()
            steps.append(happening)
            del steps[:-_MOST_STEPS]
        _bound(self._of, _MOST_OFFERS)
        self._news.set()
        self._news = trio.Event()

    def since(self, number: int = 0, offer: str | None = None) -> list[Happening]:
        """Events after the one of that number, oldest first; of one offer when it is given."""
        kept = self._all if offer is None else self._of.get(offer, ())
        return [happening for happening in kept if happening.number > number]

    async def wait(self, number: int, offer: str | None = None) -> None:
        """Return once there is an event after that number."""
        while not self.since(number, offer):
            await self._news.wait()

    def _offers(self, fields: Mapping[str, object]) -> tuple[str, ...]:
        offer, task_id, batch = (fields.get(name) for name in ("offer", "task_id", "batch"))
        if offer and task_id:
            self._offer_of[task_id] = str(offer)
            _bound(self._offer_of, _MOST_EVENTS)
        members = fields.get("task_ids")
        if batch and isinstance(members, list | tuple):
            known = (self._offer_of.get(member) for member in members)
            self._batches[batch] = tuple(found for found in known if found is not None)
            _bound(self._batches, _MOST_OFFERS)
        if offer:
            return (str(offer),)
        if task_id in self._offer_of:
            return (self._offer_of[task_id],)
        return self._batches.get(batch, ())


def _bound(kept: OrderedDict[Any, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
