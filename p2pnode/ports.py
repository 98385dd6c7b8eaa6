"""What the parts need of one another.

Domain code (`market`) and the adapters (`network`, `inference`, `proving`, `chain`, `store`) know each
other only through these Protocols; `app` is the one place that ties an adapter to a port. Peers are
named by their base58 PeerId string, accounts by 20 bytes, digests by 32.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed

if TYPE_CHECKING:
    # numpy takes a fifth of a second to load, and checking a receipt needs none of it.
    import numpy.typing as npt

Tensors: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
"""Named tensors in the order of the graph's inputs or outputs."""


class Clock(Protocol):
    """The only source of time for domain code."""

    def now(self) -> int:
        """Seconds since the epoch, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""


class Topic(StrEnum):
    """Gossip topics."""

    OFFERS = "/p2pnode/1/offers"
    MODELS = "/p2pnode/1/models"
    NODES = "/p2pnode/1/nodes"
    RECEIPTS = "/p2pnode/1/receipts"


class StreamProtocol(StrEnum):
    """Protocols of direct streams."""

    BID = "/p2pnode/bid/1"
    TASK = "/p2pnode/task/1"
    BLOB = "/p2pnode/blob/1"


@dataclass(frozen=True, slots=True)
class Gossip:
    """One gossip message: who signed it on the libp2p layer, and its bytes."""

    peer: str
    data: bytes


Handler = Callable[[str, bytes], Awaitable[bytes]]
"""Answers one request: (peer that asked, request bytes) -> response bytes."""


class Bus(Protocol):
    """Gossip and request/response streams. Raises NetworkError only."""

    @property
    def peer_id(self) -> str: ...

    async def publish(self, topic: Topic, data: bytes) -> None:
        """Gossip `data`; paced so that no mesh peer's queue overflows."""

    def subscribe(self, topic: Topic) -> AbstractAsyncContextManager[AsyncIterator[Gossip]]:
        """Messages of other peers on `topic`, each once, from entering the context on."""

    def serve(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        """Answer every request on `protocol`. What the handler raises is logged and ends that stream."""

    async def request(
        self, peer: str, protocol: StreamProtocol, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        """Send one request to `peer` (dialled if need be) and return its one response."""

    def peers(self) -> Sequence[str]:
        """Peers connected now."""


class Blobs(Protocol):
    """Content by SHA-256 digest. Raises BlobError."""

    async def put(self, data: bytes) -> bytes:
        """Keep `data`, serve it to peers, announce it in the DHT; returns its digest."""

    async def get(self, digest: bytes, *, max_size: int, peers: Sequence[str] = ()) -> Path:
        """Path of the content: from the cache, else from `peers`, else from the DHT's providers."""

    def has(self, digest: bytes) -> bool: ...


class Executor(Protocol):
    """Runs ONNX models in a thread. Raises InferenceError."""

    async def load(self, model: Path) -> None:
        """Check and load a model; the error names what is unsupported."""

    async def run(self, model: Path, tensors: bytes) -> bytes:
        """Outputs of `model` for the canonically encoded `tensors`, canonically encoded."""


@dataclass(frozen=True, slots=True)
class ProofTask:
    """One task of a batch: its ID and its canonically encoded input tensors."""

    task_id: bytes
    tensors: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """A wrapped and natively verified proof of a batch.

    `journal` is the 40 bytes of the protocol, `seal` the Keccak seal in contract encoding without the
    verifier's selector, `outputs` the proved output tensors of each task in batch order.
    """

    image_id: bytes
    journal: bytes
    seal: bytes
    outputs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the prover: `step` of execute, segment, lift, join, wrap, verify; `index` of `total`."""

    step: str
    index: int
    total: int
    seconds: float
    remaining: float | None = None
    detail: Mapping[str, int | float | str] = field(default_factory=dict)


class Prover(Protocol):
    """Proves batches of one model. Raises ProverError. A job resumes in its folder after a crash."""

    @property
    def image_id(self) -> bytes:
        """Image ID of the committed guest, 32 bytes."""

    async def prove(
        self, model: Path, tasks: Sequence[ProofTask], job: Path, on_progress: Callable[[Progress], None]
    ) -> Proof:
        """Execute, prove, wrap, verify; kills its subprocess when cancelled."""

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        """The outputs the guest would prove, without a proof."""

    async def verify(self, proof_journal: bytes, seal: bytes) -> None:
        """Check a seal against the committed image ID; ProverError says what is wrong."""


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model registered in ModelMarketplace; `fee` is the least that an award must pay its owner."""

    model_digest: bytes
    owner: bytes
    fee: int
    metadata: str
    retired: bool


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A worker registered in NodeCoordinator."""

    account: bytes
    peer_id: str
    stake: int
    capacity: int
    active: bool
    settled: int
    missed: int


@dataclass(frozen=True, slots=True)
class SettlementOutcome:
    """What one settleBatch transaction did."""

    transaction: bytes
    gas_used: int
    block: int
    settled: tuple[bytes, ...]
    skipped: Mapping[bytes, str]


class TxState(StrEnum):
    """How far a sent transaction is known to have come."""

    OPEN = "open"
    MINED = "mined"
    REVERTED = "reverted"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """One signed transaction, recorded before it left: `raw` is what goes to the chain again and again."""

    key: str
    nonce: int
    raw: bytes
    tx_hash: bytes
    state: TxState


class TxLog(Protocol):
    """The part of the ledger that remembers transactions. Every write is durable when it returns."""

    async def record_intent(self, key: str, nonce: int, raw: bytes, tx_hash: bytes) -> None:
        """Remember a signed transaction as OPEN. A key has several when it was sent again with more fee."""

    async def find(self, key: str) -> Sequence[SentTransaction]:
        """What was recorded for `key`, oldest first."""

    async def open_transactions(self) -> Sequence[SentTransaction]:
        """All that are OPEN, oldest first."""

    async def mark(self, tx_hash: bytes, state: TxState) -> None:
        """Note what became of one transaction."""


class Chain(Protocol):
    """The contracts, as calls. Raises ChainError. Reads may be cached for seconds, writes never."""

    @property
    def chain_id(self) -> int: ...

    @property
    def settlement_address(self) -> bytes:
        """Address of ProofOfInference: the EIP-712 verifying contract."""

    @property
    def token_address(self) -> bytes: ...

    @property
    def account(self) -> bytes: ...

    async def listing(self, model_digest: bytes) -> ModelListing | None: ...

    async def node(self, account: bytes) -> NodeRecord | None: ...

    async def free_escrow(self, requester: bytes) -> int: ...

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool: ...

    async def settle_batch(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        seal: bytes,
        key: str,
    ) -> SettlementOutcome:
        """Send one settleBatch (seal without selector) and wait for it.

        `key` names the intent: a repeat with the same key after a crash finds the transaction that was
        sent before, instead of paying gas twice.
        """


@dataclass(frozen=True, slots=True)
class Reputation:
    """What this node itself has seen of a worker."""

    answered: int
    failed: int


@dataclass(frozen=True, slots=True)
class RankedBid:
    """A bid with what selection needs to know of its worker."""

    bid: Signed[Bid]
    peer: str
    stake: int
    capacity: int
    load: int
    reputation: Reputation


class Role(StrEnum):
    """On which side of a task this node is."""

    REQUESTER = "requester"
    WORKER = "worker"


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


class Store(TxLog, Protocol):
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
