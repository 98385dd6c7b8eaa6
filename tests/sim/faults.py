"""A ledger that kills its node at one chosen write, before or after it reached the disk.

It sits below the store, where SQL is executed, so it finds every write there is: whatever the node keeps
goes through here.
"""

import re
import sqlite3
from collections.abc import Callable

from p2pnode.market.rescues.state import RescueState
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.state import TaskState
from p2pnode.ports import Role, TxState
from p2pnode.store.connection import Ledger
from tests.sim.fake_network import Killed

_VERB = re.compile(r"(INSERT|UPDATE|DELETE)(?: OR \w+)?(?: INTO| FROM)? (\w+)")
_WORDS = frozenset({*TaskState, *SessionState, *RescueState, *Role, *TxState})


class FaultyLedger(Ledger):
    """Names what becomes durable (a statement of its own, or a transaction's commit) and dies at the write
    that `is_fatal` picks by its name and its number: just before it, or just after.

    A write is named by its statements, each with the states in its values: `UPDATE tasks worker answered
    awarded` goes from awarded to answered.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        is_fatal: Callable[[str, int], bool],
        *,
        after: bool,
        on_kill: Callable[[], None],
    ) -> None:
        super().__init__(connection)
        self._is_fatal = is_fatal
        self._after = after
        self._on_kill = on_kill
        self._names: list[str] = []
        self.count = 0
        self.dead = False

    def execute(self, statement: str, *values: object) -> int:
        if self.dead:
            raise Killed
        if statement == "BEGIN IMMEDIATE":
            self._names.clear()
            return super().execute(statement, *values)
        if statement != "COMMIT":
            self._names.append(_name(statement, values))
            if self._connection.in_transaction:
                return super().execute(statement, *values)
        name = "; ".join(dict.fromkeys(self._names))
        self._names.clear()
        self.count += 1
        fatal = self._is_fatal(name, self.count)
        if fatal and not self._after:
            self._die()
        changed = super().execute(statement, *values)
        if fatal:
            self._die()
        return changed

    def _die(self) -> None:
        self.dead = True
        self._on_kill()
        raise Killed


def _name(statement: str, values: tuple[object, ...]) -> str:
    found = _VERB.match(statement)
    assert found is not None, f"not a write that has a name: {statement}"
    return " ".join(
        (*found.groups(), *(value for value in values if isinstance(value, str) and value in _WORDS))
    )
