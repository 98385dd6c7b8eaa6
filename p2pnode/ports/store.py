"""The ledger: tasks, batches, receipts, and what was seen of workers."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from p2pnode.ports.compute import Proof
from p2pnode.ports.rescues import RescueLog
from p2pnode.ports.roles import Role
from p2pnode.ports.sessions import SessionLog
from p2pnode.ports.transactions import TxLog
from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed


@dataclass(frozen=True, slots=True)
class Reputation:
    """What this node itself has seen of a worker."""

    answered: int
    failed: int


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task in the ledger, one for each role and offer. `state` is a name of `market.state`.

    `peer` is the other side, `award` the newest one for the offer, `reason` says in a sentence why the task
    ended as it did. Inputs and outputs are kept apart, by digest.
    """

    role: Role
    offer_hash: bytes
    state: str
    offer: Signed[Offer]
    changed: int
    peer: str = ""
    bid: Signed[Bid] | None = None
    award: Signed[Award] | None = None
    task_id: bytes | None = None
    result: Signed[Result] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """Tasks that are proved together, in the journal's order. `proof` is None until they are.

    `batch_id` (64 hex digits) is also the key of the settlement's intent and the name of the job folder.
    """

    batch_id: str
    model_digest: bytes
    task_ids: tuple[bytes, ...]
    proof: Proof | None = None
    closed: bool = False


class Store(TxLog, SessionLog, RescueLog, Protocol):
    """The write-ahead ledger: what a method wrote is on the disk when it returns. Raises StoreError.

    Calls are synchronous and short, so that between a check and its write no other task can run, and the
    line after a write may send.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """All writes inside it land together or not at all; may be nested. Do not await inside."""

    def add_task(self, task: TaskEntry) -> None:
        """Write a new task; StoreError if this role has that offer already."""

    def move_task(self, task: TaskEntry, *, expect: str) -> None:
        """Replace a task whose state is still `expect`; its award stays findable by its task ID for good."""

    def task(self, role: Role, offer_hash: bytes) -> TaskEntry | None: ...

    def task_by_id(self, role: Role, task_id: bytes) -> TaskEntry | None:
        """The task for which this award was made, be it the newest one or not."""

    def tasks(self, role: Role, states: Iterable[str]) -> list[TaskEntry]:
        """Tasks in one of these states, oldest first."""

    def newest_tasks(self, most: int) -> list[TaskEntry]:
        """Tasks of both roles, the newest first."""

    def task_counts(self, role: Role) -> Mapping[str, int]:
        """How many tasks of a role are in each state."""

    def awards(self, offer_hash: bytes) -> list[Signed[Award]]:
        """Every award that was ever written for an offer, oldest first."""

    def put_content(self, data: bytes) -> bytes:
        """Keep encoded tensors once; returns their SHA-256."""

    def content(self, digest: bytes) -> bytes | None: ...

    def use_nonce(self, requester: bytes, nonce: int) -> None:
        """Take an award nonce for good; StoreError if it was taken before."""

    def add_batch(self, batch: BatchEntry) -> None: ...

    def batch(self, batch_id: str) -> BatchEntry | None: ...

    def batch_of(self, task_id: bytes) -> BatchEntry | None:
        """The newest batch that holds this task."""

    def open_batches(self) -> list[BatchEntry]:
        """Batches that are not closed, oldest first."""

    def save_proof(self, batch_id: str, proof: Proof) -> None:
        """Keep the proof of a batch; StoreError if it has another one."""

    def close_batch(self, batch_id: str) -> None: ...

    def add_receipt(self, task_id: bytes, receipt: str) -> None:
        """Keep a receipt (JSON); a second one for a task replaces the first."""

    def receipt(self, task_id: bytes) -> str | None: ...

    def receipts(self) -> list[bytes]:
        """Task IDs that have a receipt, newest first."""

    def reputation(self, worker: bytes) -> Reputation: ...

    def record_outcome(self, worker: bytes, *, answered: bool) -> None:
        """Count one award that a worker answered or failed."""
