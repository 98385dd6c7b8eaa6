"""Statements and nested transactions on one SQLite connection, with errors as StoreError."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from p2pnode.errors import StoreError


class Ledger:
    """One connection; a statement outside a transaction commits at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside it, or none if it raises; an inner one joins the outer."""
        if self._depth == 0:
            self.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            self._depth -= 1
            if self._depth == 0:
                self.execute("COMMIT")
        except BaseException:
            self._depth = max(self._depth - 1, 0)
            if self._depth == 0:
                self._connection.rollback()
            raise

    def execute(self, statement: str, *values: object) -> int:
        """Run a statement; the number of rows that it changed."""
        try:
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise StoreError(f"ledger: {error}") from error

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"ledger: {error}") from error

    def row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of a query."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def close(self) -> None:
        """Close the connection; the write-ahead log is folded into the file."""
        self._connection.close()
