"""The steps of tasks as they happen: each is logged, and told to whoever follows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog

Follower = Callable[[str, Mapping[str, object]], None]
"""Called with the name and fields of an event; must not block or raise."""


class Events:
    """Fan-out of market events; an instance is the `OnEvent` of `market.context`."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("p2pnode.market")
        self._followers: list[Follower] = []

    def __call__(self, name: str, /, **fields: object) -> None:
        """Log one event and tell the followers."""
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
