"""Sessions and their calls in the ledger."""

from collections.abc import Iterable
from typing import Any

from p2pnode.errors import StoreError
from p2pnode.ports import CallEntry, Role, SessionEntry
from p2pnode.protocol.codec import decode_signed, encode
from p2pnode.protocol.messages import CallReceipt, SessionAward, Voucher
from p2pnode.store.connection import Ledger

_COLUMNS = "role, session_hash, state, award, receipt, peer, changed, voucher, output, reserved, paid, reason"


class SessionTables:
    """Implements the SessionLog port; its methods are documented there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_session(self, session: SessionEntry) -> None:
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        added = self._ledger.execute(
            f"INSERT OR IGNORE INTO sessions ({_COLUMNS}) VALUES ({marks})", *_row(session)
        )
        if added != 1:
            raise StoreError(
                f"the {session.role} has session {session.session_hash.hex()} already; draw another nonce"
            )

    def move_session(self, session: SessionEntry, *, expect: str) -> None:
        changed = self._ledger.execute(
            "UPDATE sessions SET state = ?3, receipt = ?4, changed = ?5, voucher = ?6, output = ?7, "
            "reserved = ?8, paid = ?9, reason = ?10 WHERE role = ?1 AND session_hash = ?2 AND state = ?11",
            session.role,
            session.session_hash,
            session.state,
            encode(session.receipt),
            session.changed,
            session.voucher and encode(session.voucher),
            session.output,
            session.reserved,
            session.paid,
            session.reason,
            expect,
        )
        if changed != 1:
            found = self.session(session.role, session.session_hash)
            state = found.state if found else "unknown"
            raise StoreError(
                f"session {session.session_hash.hex()} is {state} in the ledger; going to {session.state} "
                f"needs {expect}"
            )

    def session(self, role: Role, session_hash: bytes) -> SessionEntry | None:
        found = self._ledger.row(
            f"SELECT {_COLUMNS} FROM sessions WHERE role = ? AND session_hash = ?", role, session_hash
        )
        return _session_of(found) if found else None

    def sessions(self, role: Role, states: Iterable[str]) -> list[SessionEntry]:
        wanted = list(states)
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT {_COLUMNS} FROM sessions WHERE role = ? AND state IN ({marks}) ORDER BY serial"
        return [_session_of(found) for found in self._ledger.rows(query, role, *wanted)]

    def add_call(self, session_hash: bytes, call: CallEntry) -> None:
        self._ledger.execute(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?)",
            session_hash,
            call.number,
            call.input_digest,
            call.output_digest,
            call.signature,
        )

    def calls(self, session_hash: bytes) -> list[CallEntry]:
        query = (
            "SELECT number, input_digest, output_digest, signature FROM calls "
            "WHERE session_hash = ? ORDER BY number"
        )
        return [CallEntry(*found) for found in self._ledger.rows(query, session_hash)]


def _row(session: SessionEntry) -> tuple[object, ...]:
    return (
        session.role,
        session.session_hash,
        session.state,
        encode(session.award),
        encode(session.receipt),
        session.peer,
        session.changed,
        session.voucher and encode(session.voucher),
        session.output,
        session.reserved,
        session.paid,
        session.reason,
    )


def _session_of(found: tuple[Any, ...]) -> SessionEntry:
    role, session_hash, state, award, receipt, peer, changed, voucher, *rest = found
    return SessionEntry(
        Role(role),
        session_hash,
        state,
        decode_signed(award, SessionAward),
        decode_signed(receipt, CallReceipt),
        peer,
        changed,
        decode_signed(voucher, Voucher) if voucher else None,
        *rest,
    )
