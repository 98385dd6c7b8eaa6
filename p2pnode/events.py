"""The steps of tasks as they happen: each is logged, and told to whoever follows."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

Follower = Callable[[str, Mapping[str, object]], None]
"""Called with the name and fields of an event; must not block or raise."""

_MOST_KNOWN: Final = 8192


class Events:
    """Fan-out of market events; an instance is the `OnEvent` of `market.context`.

    A part names a task by what it has at hand, the offer's hash or the task ID. Once both were in one event,
    every later one carries both, so that a search for either finds the task's whole way.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("p2pnode.market")
        self._followers: list[Follower] = []
        self._partner: dict[str, OrderedDict[object, object]] = {
            "offer": OrderedDict(),
            "task_id": OrderedDict(),
        }

    def __call__(self, name: str, /, **fields: object) -> None:
        """Log one event and tell the followers."""
        fields = self._named(fields)
        # A requester hears of each step of each proof; the steps that it takes itself are what it logs.
        (self._log.debug if name == "task.progress" else self._log.info)(name, **fields)
        for follower in tuple(self._followers):
            follower(name, fields)

    @contextmanager
    def followed_by(self, follower: Follower) -> Iterator[None]:
        """Tell `follower` of every event until the context ends."""
        self._followers.append(follower)
        try:
            yield
        finally:
            self._followers.remove(follower)

    def _named(self, fields: dict[str, object]) -> dict[str, object]:
        for have, lack in (("offer", "task_id"), ("task_id", "offer")):
            key = fields.get(have)
            if not key:
                continue
            known = self._partner[have]
            if fields.get(lack):
                # An offer that is awarded again has a new task ID from then on.
                known[key] = fields[lack]
                known.move_to_end(key)
                if len(known) > _MOST_KNOWN:
                    known.popitem(last=False)
            elif key in known:
                fields = {**fields, lack: known[key]}
        return fields
