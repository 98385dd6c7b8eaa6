"""A ledger that kills its node at one chosen write, before or after it reached the disk.

It sits below the store, where SQL is executed, so it finds every write there is: whatever the node keeps
goes through here.
"""

import sqlite3
from collections.abc import Callable

from p2pnode.store.connection import Ledger
from tests.sim.fake_network import Killed


class FaultyLedger(Ledger):
    """Counts what becomes durable (a statement of its own, or a transaction's commit) and dies at number
    `at`: just before it, or just after."""

    def __init__(
        self, connection: sqlite3.Connection, at: int, *, after: bool, on_kill: Callable[[], None]
    ) -> None:
        super().__init__(connection)
        self._at = at
        self._after = after
        self._on_kill = on_kill
        self.count = 0
        self.dead = False

    def execute(self, statement: str, *values: object) -> int:
        if self.dead:
            raise Killed
        durable = statement == "COMMIT" or not self._connection.in_transaction
        if statement == "BEGIN IMMEDIATE" or not durable:
            return super().execute(statement, *values)
        self.count += 1
        if self.count == self._at and not self._after:
            self._die()
        changed = super().execute(statement, *values)
        if self.count == self._at:
            self._die()
        return changed

    def _die(self) -> None:
        self.dead = True
        self._on_kill()
        raise Killed
