"""Messages that nodes exchange, as validated values.

Those that money depends on (Offer, Bid, Award, Result; SessionAward, Voucher, CallReceipt) have the fields of
their EIP-712 structs, in the same order; `eip712` hashes and signs them, `codec` puts all of them on the
wire. Amounts are in the token's smallest unit, times in seconds UTC, digests are 32 bytes, addresses 20.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a requester asks for and what it would pay; gossiped."""

    requester: bytes
    model_digest: bytes
    input_digest: bytes
    price_min: int
    price_max: int
    ramp_start: int
    ramp_end: int
    result_deadline: int
    settle_deadline: int
    min_stake: int
    pay_token: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Bid:
    """A worker's promise for one offer, whose ramp pays `price` at `made_at`; breaking it costs stake."""

    offer_hash: bytes
    worker: bytes
    price: int
    made_at: int
    result_by: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class Award:
    """The requester's choice; with it the worker can settle without the requester."""

    offer_hash: bytes
    bid_hash: bytes
    requester: bytes
    worker: bytes
    model_digest: bytes
    input_digest: bytes
    price: int
    model_fee: int
    result_deadline: int
    settle_deadline: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Result:
    """The worker's answer: the digest of the output of one task."""

    task_id: bytes
    output_digest: bytes


@dataclass(frozen=True, slots=True)
class SessionAward:
    """A requester's order of up to `most_calls` calls to one worker, who took part in setting the prices.

    `opening_fee` is due once, `price + model_fee` for each call; nothing is due without a voucher.
    """

    requester: bytes
    worker: bytes
    model_digest: bytes
    price: int
    model_fee: int
    opening_fee: int
    most_calls: int
    settle_deadline: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Voucher:
    """Pays for the first `calls` calls of a session. `history` is that of the answers the requester has got:
    all but the last call's, or all of them when `input_digest` is zero and nothing is asked."""

    session_hash: bytes
    calls: int
    history: bytes
    input_digest: bytes


@dataclass(frozen=True, slots=True)
class CallReceipt:
    """The worker's word for its first `calls` answers of a session; `sessions.extend` makes `history`."""

    session_hash: bytes
    calls: int
    history: bytes


@dataclass(frozen=True, slots=True)
class Signed(Generic[M]):
    """A message with the 65-byte EIP-712 signature r | s | v of the account it names."""

    message: M
    signature: bytes


class DeclineCode(StrEnum):
    """Why a worker does not bid, or refuses an award; the other side can act on each."""

    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong-chain"
    BAD_SIGNATURE = "bad-signature"
    EXPIRED = "expired"
    PRICE_TOO_LOW = "price-too-low"
    OPENING_FEE_TOO_LOW = "opening-fee-too-low"
    ESCROW_TOO_LOW = "escrow-too-low"
    BOND_TOO_LOW = "bond-too-low"
    STAKE_TOO_LOW = "stake-too-low"
    UNKNOWN_MODEL = "unknown-model"
    MODEL_UNAVAILABLE = "model-unavailable"
    MODEL_UNSUPPORTED = "model-unsupported"
    WRONG_INPUT = "wrong-input"
    AT_CAPACITY = "at-capacity"
    CANNOT_FINISH = "cannot-finish"
    NOT_SERVED = "not-served"
    PAUSED = "paused"
    OUTBID = "outbid"
    UNKNOWN_BID = "unknown-bid"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Decline:
    """A coded refusal with a sentence for a person. `subject` is an offer hash or a task ID.

    `needed` is the value that would do, where the code speaks of one: the least price_max or model_fee, the
    least deposit into the escrow, the most min_stake, the earliest deadline; else 0.
    """

    subject: bytes
    code: DeclineCode
    reason: str
    needed: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """What a worker would bid for an offer that it was asked about; promises nothing."""

    offer_hash: bytes
    price: int
    model_fee: int


@dataclass(frozen=True, slots=True)
class ModelAnnouncement:
    """A model that can be had: gossiped by its owner and by those who hold it."""

    model_digest: bytes
    size: int
    owner: bytes
    price: int
    name: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a node offers now; at most one per 15 s and peer."""

    account: bytes
    capacity: int
    load: int
    models: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """An award with its input tensors (canonical encoding), sealed to the awarded worker (`sealing`)."""

    award: Signed[Award]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The signed result with its output tensors (canonical encoding)."""

    result: Signed[Result]
    output: bytes


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Asks a worker how far a task is."""

    task_id: bytes


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """How far a task is: `state` of `market.state`, and the receipt once it is settled."""

    task_id: bytes
    state: str
    progress: str
    receipt: bytes


@dataclass(frozen=True, slots=True)
class ReceiptSummary:
    """A settled batch: gossiped so that others see use and prices."""

    model_digest: bytes
    worker: bytes
    count: int
    paid: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call of a session: paid before it is answered. `input` is in canonical encoding."""

    voucher: Signed[Voucher]
    input: bytes


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The output tensors of one call (canonical encoding), and the receipt for all calls up to it."""

    receipt: Signed[CallReceipt]
    output: bytes
