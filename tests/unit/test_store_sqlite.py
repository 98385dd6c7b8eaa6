"""The ledger keeps what was written, refuses what contradicts it, and forgets what was not committed."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from p2pnode.errors import StoreError
from p2pnode.ports import BatchEntry, Proof, Reputation, Role, TaskEntry, TxState
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.protocol.messages import Result
from p2pnode.store import SqliteStore, open_store
from tests.samples import DOMAIN, REQUESTER_KEY, WORKER_KEY, award, offer


def task(nonce: int = 1, role: Role = Role.WORKER) -> TaskEntry:
    made = offer(nonce)
    return TaskEntry(role, digest(DOMAIN, made), "bid", sign(DOMAIN, made, REQUESTER_KEY), 7)


def awarded(entry: TaskEntry, nonce: int = 1) -> TaskEntry:
    made = award(nonce)
    return replace(
        entry,
        state="awarded",
        award=sign(DOMAIN, made, REQUESTER_KEY),
        task_id=digest(DOMAIN, made),
        peer="p",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with open_store(path) as opened:
        yield opened


def test_tasks_survive_reopening(path: Path) -> None:
    with open_store(path) as store:
        store.add_task(task(1))
        store.add_task(task(2))
        store.move_task(awarded(task(1)), expect="bid")
        done = replace(
            awarded(task(1)),
            state="answered",
            result=sign(DOMAIN, Result(b"\1" * 32, b"\2" * 32), WORKER_KEY),
            reason="because",
        )
        store.move_task(done, expect="awarded")
    with open_store(path) as store:
        assert store.task(Role.WORKER, done.offer_hash) == done
        assert done.task_id is not None
        assert store.task_by_id(Role.WORKER, done.task_id) == done
        assert store.task_by_id(Role.REQUESTER, done.task_id) is None
        assert store.tasks(Role.WORKER, ["bid", "answered"]) == [done, task(2)]
        assert store.tasks(Role.WORKER, []) == []
        assert store.awards(done.offer_hash) == [done.award]


def test_a_task_is_added_once_a_role_and_moved_from_where_it_is(store: SqliteStore) -> None:
    store.add_task(task())
    store.add_task(task(role=Role.REQUESTER))
    with pytest.raises(StoreError, match=r"the worker has offer [0-9a-f]+ already; use a new nonce"):
        store.add_task(task())
    with pytest.raises(StoreError, match="is bid in the ledger; going to awarded needs proved"):
        store.move_task(awarded(task()), expect="proved")
    with pytest.raises(StoreError, match="is unknown in the ledger"):
        store.move_task(awarded(task(9)), expect="bid")
    assert store.task(Role.WORKER, task().offer_hash) == task()


def test_the_newest_tasks_come_first_and_are_counted_by_state(store: SqliteStore) -> None:
    for nonce in (1, 2, 3):
        store.add_task(task(nonce))
    store.add_task(task(4, Role.REQUESTER))
    newest = store.newest_tasks(3)
    assert [entry.offer.message.nonce for entry in newest] == [4, 3, 2]
    assert store.task_counts(Role.WORKER) == {newest[1].state: 3}
    assert sum(store.task_counts(Role.REQUESTER).values()) == 1


def test_an_older_award_stays_findable(store: SqliteStore) -> None:
    store.add_task(task())
    first = awarded(task())
    store.move_task(first, expect="bid")
    other = replace(award(), worker=b"\x09" * 20)
    second = replace(first, award=sign(DOMAIN, other, REQUESTER_KEY), task_id=digest(DOMAIN, other))
    store.move_task(second, expect="awarded")
    assert first.task_id is not None
    assert store.task_by_id(Role.WORKER, first.task_id) == second
    assert store.awards(first.offer_hash) == [first.award, second.award]


def test_a_transaction_lands_whole_or_not_at_all(path: Path) -> None:
    with open_store(path) as store:
        with suppress(ZeroDivisionError), store.transaction():
            store.put_content(b"lost")
            with store.transaction():
                store.add_task(task())
            raise ZeroDivisionError
        with store.transaction():
            kept = store.put_content(b"kept")
    with open_store(path) as store:
        assert store.task(Role.WORKER, task().offer_hash) is None
        assert store.content(kept) == b"kept"
        assert store.content(b"\0" * 32) is None


def test_an_open_transaction_dies_with_its_process(path: Path) -> None:
    with open_store(path) as store:
        store.put_content(b"before")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM contents")
    connection.close()
    with open_store(path) as store:
        assert store.content(store.put_content(b"before")) == b"before"


def test_nonces_are_used_once(store: SqliteStore) -> None:
    store.use_nonce(b"\1" * 20, 2**256 - 1)
    store.use_nonce(b"\2" * 20, 2**256 - 1)
    with pytest.raises(StoreError, match="was used before; draw another"):
        store.use_nonce(b"\1" * 20, 2**256 - 1)


def test_batches(path: Path) -> None:
    batch = BatchEntry("ab" * 32, b"\1" * 32, (b"\2" * 32, b"\3" * 32))
    proof = Proof(b"\4" * 32, b"\5" * 40, b"seal", (b"one", b"two"))
    with open_store(path) as store:
        store.add_batch(batch)
        with pytest.raises(StoreError, match="is in the ledger already"):
            store.add_batch(batch)
        with pytest.raises(StoreError, match="3 outputs for 2 tasks"):
            store.save_proof(batch.batch_id, replace(proof, outputs=(b"",) * 3))
        with pytest.raises(StoreError, match="is not in the ledger"):
            store.save_proof("cd" * 32, proof)
        assert store.open_batches() == [batch]
    with open_store(path) as store:
        store.save_proof(batch.batch_id, proof)
        store.save_proof(batch.batch_id, proof)
        with pytest.raises(StoreError, match="has another proof already"):
            store.save_proof(batch.batch_id, replace(proof, seal=b"other"))
    with open_store(path) as store:
        assert store.open_batches() == [replace(batch, proof=proof)]
        assert store.batch_of(b"\3" * 32) == store.batch(batch.batch_id) == replace(batch, proof=proof)
        store.close_batch(batch.batch_id)
        assert store.open_batches() == []
        again = BatchEntry("cd" * 32, b"\1" * 32, (b"\3" * 32,))
        store.add_batch(again)
        assert store.batch_of(b"\3" * 32) == again


async def test_transactions(path: Path) -> None:
    with open_store(path) as store:
        await store.record_intent("key", 3, b"raw", b"\1" * 32)
        await store.record_intent("key", 3, b"raw with more fee", b"\2" * 32)
        await store.record_intent("other", 4, b"raw", b"\3" * 32)
        await store.record_intent("key", 3, b"raw", b"\1" * 32)
        await store.mark(b"\1" * 32, TxState.DROPPED)
        with pytest.raises(StoreError, match=r"0x0404.* is not in the ledger"):
            await store.mark(b"\4" * 32, TxState.MINED)
    with open_store(path) as store:
        assert [(sent.tx_hash[0], sent.state) for sent in await store.find("key")] == [
            (1, TxState.DROPPED),
            (2, TxState.OPEN),
        ]
        assert [sent.tx_hash[0] for sent in await store.transactions(TxState.OPEN)] == [2, 3]
        assert (await store.find("other"))[0].raw == b"raw"


def test_receipts_and_reputation(store: SqliteStore) -> None:
    store.add_receipt(b"\1" * 32, "one")
    store.add_receipt(b"\2" * 32, "two")
    store.add_receipt(b"\1" * 32, "one again")
    assert store.receipts() == [b"\1" * 32, b"\2" * 32]
    assert store.receipt(b"\1" * 32) == "one again"
    assert store.receipt(b"\3" * 32) is None
    store.record_outcome(b"\1" * 20, answered=True)
    store.record_outcome(b"\1" * 20, answered=False)
    store.record_outcome(b"\1" * 20, answered=False)
    assert store.reputation(b"\1" * 20) == Reputation(1, 2)
    assert store.reputation(b"\2" * 20) == Reputation(0, 0)


def test_the_file_is_private_durable_and_versioned(path: Path) -> None:
    with open_store(path):
        pass
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema version 99; this p2pnode reads 3"), open_store(path):
        pass


def test_what_is_no_ledger_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"), open_store(path):
        pass


def test_receipts_of_a_batch_share_their_seal(path: Path) -> None:
    seal = "A" * 300_000
    texts = [f'{{"leafIndex": {i},\n  "seal": "{seal}",\n  "transaction": "0x"}}\n' for i in range(20)]
    with open_store(path) as store:
        for i, text in enumerate(texts):
            store.add_receipt(bytes([i]) * 32, text)
    with open_store(path) as store:
        assert [store.receipt(bytes([i]) * 32) for i in range(20)] == texts
    assert path.stat().st_size < 2 * len(seal)
