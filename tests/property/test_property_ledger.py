"""Random walks: a task never leaves the legal transitions, and the ledger always agrees with the walk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pnode.errors import MarketError
from p2pnode.market.state import INITIAL, TRANSITIONS, TaskState, check_transition
from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.store import SqliteStore, open_store
from tests.samples import DOMAIN, REQUESTER_KEY, offer

OFFER = sign(DOMAIN, offer(), REQUESTER_KEY)


@contextmanager
def ledger() -> Iterator[tuple[Path, SqliteStore]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with open_store(path) as store:
            yield path, store


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(Role), st.lists(st.sampled_from(TaskState), max_size=25))
def test_walks(role: Role, wanted: list[TaskState]) -> None:
    with ledger() as (_, store):
        task = TaskEntry(role, digest(DOMAIN, OFFER.message), INITIAL[role], OFFER, 0)
        store.add_task(task)
        for step, state in enumerate(wanted):
            try:
                check_transition(role, task.state, state)
            except MarketError:
                assert state not in TRANSITIONS[role][TaskState(task.state)]
                continue
            assert state in TRANSITIONS[role][TaskState(task.state)]
            moved = replace(task, state=state, changed=step)
            store.move_task(moved, expect=task.state)
            task = moved
        assert store.task(role, task.offer_hash) == task
