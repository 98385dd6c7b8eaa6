"""Rescues in the ledger, and a ledger from before there were any."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from p2pnode.errors import MarketError, StoreError
from p2pnode.market.rescues.state import OPEN, TRANSITIONS, RescueState, check_transition
from p2pnode.ports import Proof, RescueEntry, Role
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.messages import Award, Signed
from p2pnode.store import open_store

TASK_ID, OUTPUT = b"\x07" * 32, b"the encoded output"
AWARD = Award(
    b"\x01" * 32, b"\x02" * 32, b"\x03" * 20, b"\x04" * 20, b"\x05" * 32, b"\x06" * 32, 10, 1, 50, 60, 9
)
PROOF = Proof(b"\x1d" * 32, b"\x08" * 40, b"a seal", (OUTPUT,))
TAKEN = RescueEntry(
    Role.WORKER, TASK_ID, RescueState.TAKEN, Signed(AWARD, b"\x09" * 65), b"\x0a" * 20, 2000, 1000
)


def test_a_rescue_is_kept_with_its_proof_and_output(tmp_path: Path) -> None:
    proved = replace(
        TAKEN, state=RescueState.PROVED, output_digest=content_digest(OUTPUT), proof=PROOF, changed=1100
    )
    with open_store(tmp_path / "ledger.db") as store:
        assert store.rescue(Role.WORKER, TASK_ID) is None
        store.add_rescue(TAKEN)
        assert store.rescue(Role.WORKER, TASK_ID) == TAKEN
        store.move_rescue(proved, expect=RescueState.TAKEN)
    with open_store(tmp_path / "ledger.db") as store:
        assert store.rescues(Role.WORKER, OPEN) == [proved]
        assert store.content(content_digest(OUTPUT)) == OUTPUT
        assert store.rescues(Role.WORKER, [RescueState.TAKEN]) == []
        assert store.rescue(Role.REQUESTER, TASK_ID) is None


def test_a_rescue_is_taken_once_and_moves_from_where_it_is(tmp_path: Path) -> None:
    with open_store(tmp_path / "ledger.db") as store:
        store.add_rescue(TAKEN)
        with pytest.raises(StoreError, match="the worker has a rescue of task 0707"):
            store.add_rescue(TAKEN)
        settling = replace(TAKEN, state=RescueState.SETTLING)
        with pytest.raises(StoreError, match="is taken in the ledger; going to settling needs proved"):
            store.move_rescue(settling, expect=RescueState.PROVED)
        store.add_rescue(replace(TAKEN, role=Role.REQUESTER))


def test_a_ledger_from_before_there_were_rescues_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_store(path) as store:
        store.put_content(b"kept")
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE rescues")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()
    with open_store(path) as store:
        store.add_rescue(TAKEN)
        assert store.content(content_digest(b"kept")) == b"kept"


def test_only_listed_moves_are_legal() -> None:
    for old in RescueState:
        for new in RescueState:
            if new in TRANSITIONS[old]:
                assert check_transition(old, new) is new
            else:
                with pytest.raises(MarketError, match=f"from {old} to {new}"):
                    check_transition(old, new)
