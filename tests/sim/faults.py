"""A ledger that kills its node at one chosen write, before or after it reached the disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from p2pnode.store import SqliteStore
from tests.sim.fake_network import Killed

WRITES = frozenset(
    {
        "add_task",
        "move_task",
        "put_content",
        "use_nonce",
        "add_batch",
        "save_proof",
        "close_batch",
        "add_receipt",
        "record_outcome",
    }
)


class FaultyStore:
    """Counts writes (a transaction's commit is one more) and dies at number `at`."""

    def __init__(self, store: SqliteStore, at: int, *, after: bool, on_kill: Callable[[], None]) -> None:
        self._store = store
        self._at = at
        self._after = after
        self._on_kill = on_kill
        self._count = 0
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in WRITES:
            return found

        def write(*args: Any, **kwargs: Any) -> Any:
            self._step(before=True)
            result = found(*args, **kwargs)
            self._step(before=False)
            return result

        return write

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._store.transaction():
            yield
            self._step(before=True)
        self._step(before=False)

    def _step(self, *, before: bool) -> None:
        if self.dead:
            raise Killed
        if before:
            self._count += 1
        if self._count == self._at and before != self._after:
            self.dead = True
            self._on_kill()
            raise Killed
