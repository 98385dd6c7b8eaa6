"""What was earned and spent is counted once a task, over restarts too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pnode.market.state import TaskState
from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.store import open_store
from p2pnode.store.sqlite import SqliteStore
from p2pnode.totals import Total, Totals
from tests.samples import DOMAIN, REQUESTER_KEY, award, offer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "ledger.sqlite") as opened:
        yield opened


def settled(nonce: int, role: Role) -> TaskEntry:
    signed_offer = sign(DOMAIN, offer(nonce), REQUESTER_KEY)
    signed_award = sign(DOMAIN, award(nonce), REQUESTER_KEY)
    return TaskEntry(
        role,
        digest(DOMAIN, offer(nonce)),
        TaskState.SETTLED,
        signed_offer,
        1,
        award=signed_award,
        task_id=digest(DOMAIN, award(nonce)),
    )


def test_tasks_count_once_whenever_they_were_settled(store: SqliteStore) -> None:
    before, later = settled(1, Role.WORKER), settled(2, Role.WORKER)
    store.add_task(before)
    totals = Totals(store)
    price = award(1).price
    assert totals.of(Role.WORKER) == Total(1, price)
    store.add_task(later)
    assert later.task_id is not None
    for _ in range(2):
        totals("receipt.stored", {"task_id": later.task_id.hex()})
    totals("receipt.stored", {"task_id": before.task_id.hex() if before.task_id else ""})
    totals("answer.sent", {"task_id": later.task_id.hex()})
    assert totals.of(Role.WORKER) == Totals(store).of(Role.WORKER) == Total(2, price + award(2).price)
    assert totals.of(Role.REQUESTER) == Total(0, 0)


def test_a_requester_pays_the_models_fee_too(store: SqliteStore) -> None:
    store.add_task(settled(1, Role.REQUESTER))
    assert Totals(store).of(Role.REQUESTER) == Total(1, award(1).price + award(1).model_fee)
