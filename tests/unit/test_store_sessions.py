"""Sessions in the ledger: moves that come too late, what a restart reads, ledgers older than sessions."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from p2pnode.errors import MarketError, StoreError
from p2pnode.market.sessions.owed import cost_of, owed_to_worker, promised_by_requester
from p2pnode.market.sessions.state import SessionState, check_transition
from p2pnode.ports import CallEntry, Role, SessionEntry
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.protocol.messages import CallReceipt, SessionAward, Voucher
from p2pnode.store import open_store
from tests.samples import DOMAIN, REQUESTER_KEY, WORKER_KEY, key_account

REQUESTER = key_account(REQUESTER_KEY)
AWARD = SessionAward(
    requester=REQUESTER,
    worker=key_account(WORKER_KEY),
    model_digest=b"\x22" * 32,
    price=2,
    model_fee=3,
    opening_fee=50,
    most_calls=100,
    settle_deadline=5000,
    nonce=1,
)
HASH = digest(DOMAIN, AWARD)


def session(role: Role) -> SessionEntry:
    """A session that was just opened."""
    receipt = sign(DOMAIN, CallReceipt(HASH, 0, HASH), WORKER_KEY)
    return SessionEntry(
        role, HASH, SessionState.OPEN, sign(DOMAIN, AWARD, REQUESTER_KEY), receipt, "12D3", changed=7
    )


def test_what_was_written_is_read_after_a_restart(tmp_path: Path) -> None:
    path, first = tmp_path / "ledger.db", session(Role.WORKER)
    voucher = sign(DOMAIN, Voucher(HASH, 1, HASH, b"\1" * 32), REQUESTER_KEY)
    receipt = sign(DOMAIN, CallReceipt(HASH, 1, b"\2" * 32), WORKER_KEY)
    moved = replace(
        first, voucher=voucher, receipt=receipt, output=b"\0" * 8, reserved=3, paid=1, reason="so"
    )
    calls = [CallEntry(number, b"\3" * 32, b"\4" * 32, b"\5" * 65) for number in (1, 2)]
    with open_store(path) as store:
        store.add_session(first)
        store.move_session(moved, expect=SessionState.OPEN)
        for call in calls:
            store.add_call(HASH, call)
    with open_store(path) as store:
        assert store.session(Role.WORKER, HASH) == moved
        assert store.session(Role.REQUESTER, HASH) is None
        assert store.sessions(Role.WORKER, [SessionState.OPEN]) == [moved]
        assert store.sessions(Role.WORKER, [SessionState.SETTLED]) == []
        assert store.calls(HASH) == calls


def test_no_move_comes_too_late_and_no_session_twice(tmp_path: Path) -> None:
    with open_store(tmp_path / "ledger.db") as store:
        first = session(Role.WORKER)
        store.add_session(first)
        with pytest.raises(StoreError, match="draw another nonce"):
            store.add_session(first)
        settling = replace(first, state=SessionState.SETTLING)
        store.move_session(settling, expect=SessionState.OPEN)
        with pytest.raises(StoreError, match="is settling in the ledger; going to settling needs open"):
            store.move_session(settling, expect=SessionState.OPEN)
        store.add_call(HASH, CallEntry(1, b"", b"", b""))
        with pytest.raises(StoreError, match="UNIQUE"):
            store.add_call(HASH, CallEntry(1, b"", b"", b""))


def test_only_legal_moves() -> None:
    assert check_transition(Role.WORKER, "settling", "settled") == SessionState.SETTLED
    for role, old, new in (
        (Role.WORKER, "settled", "open"),
        (Role.WORKER, "settling", "open"),
        (Role.REQUESTER, "ended", "open"),
        (Role.REQUESTER, "open", "settled"),
    ):
        with pytest.raises(MarketError, match=f"a {role}'s session cannot go from {old} to {new}"):
            check_transition(role, old, new)


def test_what_a_session_can_cost(tmp_path: Path) -> None:
    assert cost_of(AWARD, 0) == 0
    assert cost_of(AWARD, 4) == 50 + 4 * 5
    assert cost_of(AWARD, 4, paid=1) == 3 * 5
    with open_store(tmp_path / "ledger.db") as store:
        store.add_session(session(Role.WORKER))
        store.add_session(replace(session(Role.REQUESTER), reserved=64))
        assert owed_to_worker(store, REQUESTER) == cost_of(AWARD, 100)
        assert owed_to_worker(store, b"\1" * 20) == 0
        assert promised_by_requester(store, now=5000) == cost_of(AWARD, 64)
        assert promised_by_requester(store, now=5001) == 0


def test_a_ledger_from_before_there_were_sessions_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_store(path) as store:
        store.put_content(b"kept")
    connection = sqlite3.connect(path)
    for table in ("sessions", "calls", "rescues"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    with open_store(path) as store:
        store.add_session(session(Role.WORKER))
        assert store.session(Role.WORKER, HASH) is not None
        assert store.content(store.put_content(b"kept")) == b"kept"
