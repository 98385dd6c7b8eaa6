"""The ledger: tasks, awards, batches, transactions and receipts in one SQLite file.

Calls run in the caller's thread. A write is a few kilobytes and takes milliseconds; in a worker thread
other tasks would run between a check and its write, which is where coins get lost. One process at a time
may have the file open.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from p2pnode.errors import StoreError
from p2pnode.ports import BatchEntry, Proof, Reputation, Role, SentTransaction, TaskEntry, TxState
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.codec import decode_signed, encode
from p2pnode.protocol.messages import Award, Signed
from p2pnode.store.connection import Ledger
from p2pnode.store.rescues import RescueTables
from p2pnode.store.rows import TASK_COLUMNS, split_seal, task_of, task_row
from p2pnode.store.schema import connect
from p2pnode.store.sessions import SessionTables


@contextmanager
def open_store(path: Path) -> Iterator["SqliteStore"]:
    """The ledger at `path`, closed on leaving. Raises StoreError."""
    ledger = Ledger(connect(path))
    try:
        yield SqliteStore(ledger)
    finally:
        ledger.close()


class SqliteStore(SessionTables, RescueTables):
    """Implements the Store port; its methods are documented there."""

    def __init__(self, ledger: Ledger) -> None:
        SessionTables.__init__(self, ledger)
        RescueTables.__init__(self, ledger)

    def transaction(self) -> AbstractContextManager[None]:
        return self._ledger.transaction()

    def add_task(self, task: TaskEntry) -> None:
        with self.transaction():
            if self.task(task.role, task.offer_hash) is not None:
                raise StoreError(
                    f"the {task.role} has offer {task.offer_hash.hex()} already; use a new nonce"
                )
            marks = ", ".join("?" * len(TASK_COLUMNS.split(",")))
            self._ledger.execute(f"INSERT INTO tasks ({TASK_COLUMNS}) VALUES ({marks})", *task_row(task))
            self._keep_award(task)

    def move_task(self, task: TaskEntry, *, expect: str) -> None:
        with self.transaction():
            changed = self._ledger.execute(
                "UPDATE tasks SET state = ?3, offer = ?4, changed = ?5, peer = ?6, bid = ?7, award = ?8, "
                "task_id = ?9, result = ?10, reason = ?11 "
                "WHERE role = ?1 AND offer_hash = ?2 AND state = ?12",
                *task_row(task),
                expect,
            )
            if changed != 1:
                found = self.task(task.role, task.offer_hash)
                raise StoreError(
                    f"offer {task.offer_hash.hex()} is {found.state if found else 'unknown'} in the ledger; "
                    f"going to {task.state} needs {expect}"
                )
            self._keep_award(task)

    def task(self, role: Role, offer_hash: bytes) -> TaskEntry | None:
        found = self._ledger.row(
            f"SELECT {TASK_COLUMNS} FROM tasks WHERE role = ? AND offer_hash = ?", role, offer_hash
        )
        return task_of(found) if found else None

    def task_by_id(self, role: Role, task_id: bytes) -> TaskEntry | None:
        found = self._ledger.row(
            "SELECT offer_hash FROM awards WHERE role = ? AND task_id = ?", role, task_id
        )
        return self.task(role, found[0]) if found else None

    def tasks(self, role: Role, states: Iterable[str]) -> list[TaskEntry]:
        wanted = list(states)
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT {TASK_COLUMNS} FROM tasks WHERE role = ? AND state IN ({marks}) ORDER BY serial"
        return [task_of(found) for found in self._ledger.rows(query, role, *wanted)]

    def newest_tasks(self, most: int) -> list[TaskEntry]:
        query = f"SELECT {TASK_COLUMNS} FROM tasks ORDER BY serial DESC LIMIT ?"
        return [task_of(found) for found in self._ledger.rows(query, most)]

    def task_counts(self, role: Role) -> dict[str, int]:
        query = "SELECT state, COUNT(*) FROM tasks WHERE role = ? GROUP BY state"
        return dict(self._ledger.rows(query, role))

    def awards(self, offer_hash: bytes) -> list[Signed[Award]]:
        query = "SELECT award FROM awards WHERE offer_hash = ? ORDER BY serial"
        return [decode_signed(award, Award) for (award,) in self._ledger.rows(query, offer_hash)]

    def put_content(self, data: bytes) -> bytes:
        digest = content_digest(data)
        self._ledger.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", digest, data)
        return digest

    def content(self, digest: bytes) -> bytes | None:
        found = self._ledger.row("SELECT data FROM contents WHERE digest = ?", digest)
        return found[0] if found else None

    def use_nonce(self, requester: bytes, nonce: int) -> None:
        word = nonce.to_bytes(32, "big")
        if self._ledger.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", requester, word) != 1:
            raise StoreError(f"nonce {nonce} was used before; draw another")

    def add_batch(self, batch: BatchEntry) -> None:
        with self.transaction():
            if self._ledger.row("SELECT 1 FROM batches WHERE batch_id = ?", batch.batch_id):
                raise StoreError(f"batch {batch.batch_id} is in the ledger already")
            self._ledger.execute(
                "INSERT INTO batches (batch_id, model_digest) VALUES (?, ?)",
                batch.batch_id,
                batch.model_digest,
            )
            for position, task_id in enumerate(batch.task_ids):
                self._ledger.execute(
                    "INSERT INTO batch_tasks (batch, position, task_id) "
                    "SELECT serial, ?, ? FROM batches WHERE batch_id = ?",
                    position,
                    task_id,
                    batch.batch_id,
                )

    def batch(self, batch_id: str) -> BatchEntry | None:
        found = self._batches("WHERE batch_id = ?", batch_id)
        return found[0] if found else None

    def batch_of(self, task_id: bytes) -> BatchEntry | None:
        found = self._batches(
            "WHERE serial = (SELECT max(batch) FROM batch_tasks WHERE task_id = ?)", task_id
        )
        return found[0] if found else None

    def open_batches(self) -> list[BatchEntry]:
        return self._batches("WHERE closed = 0")

    def save_proof(self, batch_id: str, proof: Proof) -> None:
        with self.transaction():
            batch = self._known_batch(batch_id)
            if batch.proof is not None and batch.proof != proof:
                raise StoreError(f"batch {batch_id} has another proof already; keep that one")
            if len(proof.outputs) != len(batch.task_ids):
                counts = f"{len(proof.outputs)} outputs for {len(batch.task_ids)} tasks"
                raise StoreError(f"proof of batch {batch_id} has {counts}; prove exactly those tasks")
            self._ledger.execute(
                "UPDATE batches SET image_id = ?, journal = ?, seal = ? WHERE batch_id = ?",
                proof.image_id,
                proof.journal,
                proof.seal,
                batch_id,
            )
            for position, output in enumerate(proof.outputs):
                self._ledger.execute(
                    "UPDATE batch_tasks SET output_digest = ? WHERE position = ? "
                    "AND batch = (SELECT serial FROM batches WHERE batch_id = ?)",
                    self.put_content(output),
                    position,
                    batch_id,
                )

    def close_batch(self, batch_id: str) -> None:
        with self.transaction():
            self._known_batch(batch_id)
            self._ledger.execute("UPDATE batches SET closed = 1 WHERE batch_id = ?", batch_id)

    async def record_intent(self, key: str, nonce: int, raw: bytes, tx_hash: bytes) -> None:
        self._ledger.execute(
            "INSERT OR IGNORE INTO transactions (key, nonce, raw, hash, state) VALUES (?, ?, ?, ?, ?)",
            key,
            nonce,
            raw,
            tx_hash,
            TxState.OPEN,
        )

    async def find(self, key: str) -> Sequence[SentTransaction]:
        return self._transactions("WHERE key = ?", key)

    async def transactions(self, state: TxState) -> Sequence[SentTransaction]:
        return self._transactions("WHERE state = ?", state)

    async def mark(self, tx_hash: bytes, state: TxState) -> None:
        if self._ledger.execute("UPDATE transactions SET state = ? WHERE hash = ?", state, tx_hash) != 1:
            raise StoreError(
                f"transaction 0x{tx_hash.hex()} is not in the ledger; record it before it is sent"
            )

    def add_receipt(self, task_id: bytes, receipt: str) -> None:
        before, seal, after = split_seal(receipt)
        with self.transaction():
            self._ledger.execute(
                "INSERT OR REPLACE INTO receipts (task_id, before, seal, after) VALUES (?, ?, ?, ?)",
                task_id,
                before,
                self.put_content(seal.encode()),
                after,
            )

    def receipt(self, task_id: bytes) -> str | None:
        found = self._ledger.row(
            "SELECT before, data, after FROM receipts JOIN contents ON digest = seal WHERE task_id = ?",
            task_id,
        )
        return found[0] + found[1].decode() + found[2] if found else None

    def receipts(self) -> list[bytes]:
        return [
            task_id for (task_id,) in self._ledger.rows("SELECT task_id FROM receipts ORDER BY serial DESC")
        ]

    def reputation(self, worker: bytes) -> Reputation:
        found = self._ledger.row("SELECT answered, failed FROM workers WHERE account = ?", worker)
        return Reputation(*found) if found else Reputation(0, 0)

    def record_outcome(self, worker: bytes, *, answered: bool) -> None:
        self._ledger.execute(
            "INSERT INTO workers VALUES (?1, ?2, ?3) ON CONFLICT (account) DO UPDATE "
            "SET answered = answered + ?2, failed = failed + ?3",
            worker,
            int(answered),
            int(not answered),
        )

    def _keep_award(self, task: TaskEntry) -> None:
        if task.award is not None and task.task_id is not None:
            self._ledger.execute(
                "INSERT OR IGNORE INTO awards (role, task_id, offer_hash, award) VALUES (?, ?, ?, ?)",
                task.role,
                task.task_id,
                task.offer_hash,
                encode(task.award),
            )

    def _known_batch(self, batch_id: str) -> BatchEntry:
        batch = self.batch(batch_id)
        if batch is None:
            raise StoreError(f"batch {batch_id} is not in the ledger; add it before it is proved")
        return batch

    def _batches(self, where: str, *values: object) -> list[BatchEntry]:
        query = f"SELECT * FROM batches {where} ORDER BY serial"
        return [self._batch(*found) for found in self._ledger.rows(query, *values)]

    def _batch(
        self,
        serial: int,
        batch_id: str,
        model_digest: bytes,
        image_id: bytes | None,
        journal: bytes | None,
        seal: bytes | None,
        closed: int,
    ) -> BatchEntry:
        members = self._ledger.rows(
            "SELECT task_id, data FROM batch_tasks LEFT JOIN contents ON digest = output_digest "
            "WHERE batch = ? ORDER BY position",
            serial,
        )
        proof = None
        if image_id is not None and journal is not None and seal is not None:
            proof = Proof(image_id, journal, seal, tuple(output for _, output in members))
        return BatchEntry(batch_id, model_digest, tuple(task for task, _ in members), proof, bool(closed))

    def _transactions(self, where: str, value: str) -> list[SentTransaction]:
        query = f"SELECT key, nonce, raw, hash, state FROM transactions {where} ORDER BY serial"
        return [
            SentTransaction(key, nonce, raw, tx_hash, TxState(state))
            for key, nonce, raw, tx_hash, state in self._ledger.rows(query, value)
        ]
