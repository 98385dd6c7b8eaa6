"""The write-ahead ledger on SQLite: what money depends on, written before it is sent."""

from p2pnode.store.sqlite import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
