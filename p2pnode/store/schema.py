"""Tables of the ledger and the connection that writes them durably."""

import sqlite3
from pathlib import Path

from p2pnode.errors import StoreError

SCHEMA_VERSION = 3

_TABLES = """
CREATE TABLE tasks (
    serial INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    offer_hash BLOB NOT NULL,
    state TEXT NOT NULL,
    offer BLOB NOT NULL,
    changed INTEGER NOT NULL,
    peer TEXT NOT NULL,
    bid BLOB,
    award BLOB,
    task_id BLOB,
    result BLOB,
    reason TEXT NOT NULL,
    UNIQUE (role, offer_hash)
) STRICT;
CREATE INDEX tasks_by_state ON tasks (role, state);
CREATE TABLE awards (
    serial INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    task_id BLOB NOT NULL,
    offer_hash BLOB NOT NULL,
    award BLOB NOT NULL,
    UNIQUE (role, task_id)
) STRICT;
CREATE TABLE contents (digest BLOB PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE nonces (requester BLOB NOT NULL, nonce BLOB NOT NULL, PRIMARY KEY (requester, nonce)) STRICT;
CREATE TABLE batches (
    serial INTEGER PRIMARY KEY,
    batch_id TEXT NOT NULL UNIQUE,
    model_digest BLOB NOT NULL,
    image_id BLOB,
    journal BLOB,
    seal BLOB,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE batch_tasks (
    batch INTEGER NOT NULL REFERENCES batches (serial),
    position INTEGER NOT NULL,
    task_id BLOB NOT NULL,
    output_digest BLOB,
    PRIMARY KEY (batch, position)
) STRICT;
CREATE INDEX batch_tasks_by_id ON batch_tasks (task_id);
CREATE TABLE transactions (
    serial INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    raw BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL
) STRICT;
CREATE INDEX transactions_by_key ON transactions (key);
CREATE TABLE receipts (
    serial INTEGER PRIMARY KEY,
    task_id BLOB NOT NULL UNIQUE,
    before TEXT NOT NULL,
    seal BLOB NOT NULL REFERENCES contents (digest),
    after TEXT NOT NULL
) STRICT;
CREATE TABLE workers (account BLOB PRIMARY KEY, answered INTEGER NOT NULL, failed INTEGER NOT NULL) STRICT;
"""

_SESSION_TABLES = """
CREATE TABLE sessions (
    serial INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    session_hash BLOB NOT NULL,
    state TEXT NOT NULL,
    award BLOB NOT NULL,
    receipt BLOB NOT NULL,
    peer TEXT NOT NULL,
    changed INTEGER NOT NULL,
    voucher BLOB,
    output BLOB NOT NULL,
    reserved INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (role, session_hash)
) STRICT;
CREATE INDEX sessions_by_state ON sessions (role, state);
CREATE TABLE calls (
    session_hash BLOB NOT NULL,
    number INTEGER NOT NULL,
    input_digest BLOB NOT NULL,
    output_digest BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (session_hash, number)
) STRICT
"""
"""Since version 2."""

_RESCUE_TABLES = """
CREATE TABLE rescues (
    serial INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    task_id BLOB NOT NULL,
    state TEXT NOT NULL,
    award BLOB NOT NULL,
    rescuer BLOB NOT NULL,
    rescue_until INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    output_digest BLOB NOT NULL,
    image_id BLOB,
    journal BLOB,
    seal BLOB,
    settled_by BLOB NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (role, task_id)
) STRICT;
CREATE INDEX rescues_by_state ON rescues (role, state)
"""
"""Since version 3."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger at `path`, made on first use with mode 0600. Raises StoreError."""
    try:
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        _prepare(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"ledger {path} cannot be opened: {error}") from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # A second node on the same ledger would bid and pay twice: the first one keeps it to itself.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    # WAL with FULL syncs the log at every commit, so that a committed write survives a power cut as well.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("BEGIN EXCLUSIVE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _create(connection, _TABLES)
    if version < 2:
        _create(connection, _SESSION_TABLES)
    if version < SCHEMA_VERSION:
        _create(connection, _RESCUE_TABLES)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
    if version > SCHEMA_VERSION:
        connection.close()
        raise StoreError(f"ledger {path} has schema version {version}; this p2pnode reads {SCHEMA_VERSION}")


def _create(connection: sqlite3.Connection, tables: str) -> None:
    for statement in tables.split(";"):
        connection.execute(statement)
