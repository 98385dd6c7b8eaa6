"""What every field of every message may hold.

One table for reading and writing: `codec` walks it, `docs/protocol.cddl` states the same for people, and a
test compares both with the dataclasses. Errors name the field, the value and what would be right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2pnode.errors import ProtocolError
from p2pnode.protocol.cbor import Value
from p2pnode.protocol.kinds import Choice, Kind, Octets, Sequence, Text, Uint, show
from p2pnode.protocol.messages import (
    Answer,
    Assignment,
    Award,
    Bid,
    CallAnswer,
    CallReceipt,
    CallRequest,
    Decline,
    DeclineCode,
    Heartbeat,
    ModelAnnouncement,
    Offer,
    Quote,
    ReceiptSummary,
    Result,
    SessionAward,
    Signed,
    TaskQuery,
    TaskStatus,
    Voucher,
)

MAX_TENSORS = 16 * 1024 * 1024
"""Bytes of the encoded tensors in one Assignment or Answer."""

MAX_RECEIPT = 1024 * 1024
"""Bytes of one receipt file; a seal takes about 300 kB of it in base64."""

SEAL_OVERHEAD = 48
"""Bytes that sealing adds to an input: HPKE's encapsulated key (32) and tag (16)."""

MAX_GOSSIP = 64 * 1024
"""Bytes of every message without tensors or a receipt; gossipsub drops what is over 1 MiB."""

MAX_HELD_MODELS = 64
"""Models that one heartbeat may name."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message nested in another, without `v` and `type`."""

    of: type[Any]

    def read(self, value: Value, name: str) -> Any:
        return read_fields(self.of, value, f"{name}.")

    def write(self, value: Any, name: str) -> dict[str, Value]:
        return write_fields(self.of, value, f"{name}.")


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A message with the signature of the account it names."""

    of: type[Any]

    def read(self, value: Value, name: str) -> Signed[Any]:
        return read_signed(self.of, value, f"{name}.")

    def write(self, value: Any, name: str) -> dict[str, Value]:
        return write_signed(self.of, value, f"{name}.")


ADDRESS = Octets(20, 20)
DIGEST = Octets(32, 32)
SIGNATURE = Octets(65, 65)
AMOUNT = Uint(256)
TIME = Uint(64)
COUNT = Uint(32)
TENSORS = Octets(4, MAX_TENSORS)
SEALED = Octets(4 + SEAL_OVERHEAD, MAX_TENSORS + SEAL_OVERHEAD)

FIELDS: Mapping[type[Any], Mapping[str, Kind]] = {
    Offer: {
        "requester": ADDRESS,
        "model_digest": DIGEST,
        "input_digest": DIGEST,
        "price_min": AMOUNT,
        "price_max": AMOUNT,
        "ramp_start": TIME,
        "ramp_end": TIME,
        "result_deadline": TIME,
        "settle_deadline": TIME,
        "min_stake": AMOUNT,
        "pay_token": ADDRESS,
        "nonce": AMOUNT,
    },
    Bid: {
        "offer_hash": DIGEST,
        "worker": ADDRESS,
        "price": AMOUNT,
        "made_at": TIME,
        "result_by": TIME,
        "valid_until": TIME,
    },
    Award: {
        "offer_hash": DIGEST,
        "bid_hash": DIGEST,
        "requester": ADDRESS,
        "worker": ADDRESS,
        "model_digest": DIGEST,
        "input_digest": DIGEST,
        "price": AMOUNT,
        "model_fee": AMOUNT,
        "result_deadline": TIME,
        "settle_deadline": TIME,
        "nonce": AMOUNT,
    },
    Result: {"task_id": DIGEST, "output_digest": DIGEST},
    Decline: {"subject": DIGEST, "code": Choice(DeclineCode), "reason": Text(512), "needed": AMOUNT},
    Quote: {"offer_hash": DIGEST, "price": AMOUNT, "model_fee": AMOUNT},
    ModelAnnouncement: {
        "model_digest": DIGEST,
        "size": TIME,
        "owner": ADDRESS,
        "price": AMOUNT,
        "name": Text(128),
    },
    Heartbeat: {
        "account": ADDRESS,
        "capacity": COUNT,
        "load": COUNT,
        "models": Sequence(DIGEST, MAX_HELD_MODELS),
    },
    Assignment: {"award": SignedRecord(Award), "sealed": SEALED},
    Answer: {"result": SignedRecord(Result), "output": TENSORS},
    TaskQuery: {"task_id": DIGEST},
    TaskStatus: {
        "task_id": DIGEST,
        "state": Text(32),
        "progress": Text(256),
        "receipt": Octets(0, MAX_RECEIPT),
    },
    ReceiptSummary: {
        "model_digest": DIGEST,
        "worker": ADDRESS,
        "count": COUNT,
        "paid": AMOUNT,
        "transaction": DIGEST,
    },
    SessionAward: {
        "requester": ADDRESS,
        "worker": ADDRESS,
        "model_digest": DIGEST,
        "price": AMOUNT,
        "model_fee": AMOUNT,
        "opening_fee": AMOUNT,
        "most_calls": COUNT,
        "settle_deadline": TIME,
        "nonce": AMOUNT,
    },
    Voucher: {"session_hash": DIGEST, "calls": COUNT, "history": DIGEST, "input_digest": DIGEST},
    CallReceipt: {"session_hash": DIGEST, "calls": COUNT, "history": DIGEST},
    CallRequest: {"voucher": SignedRecord(Voucher), "input": TENSORS},
    CallAnswer: {"receipt": SignedRecord(CallReceipt), "output": TENSORS},
}


def read_fields(of: type[Any], value: Value, prefix: str = "") -> Any:
    """The message of type `of` in the map `value`: every field there, none besides."""
    fields = FIELDS[of]
    found = _exact(value, fields, prefix)
    return of(**{name: kind.read(found[name], prefix + name) for name, kind in fields.items()})


def write_fields(of: type[Any], message: Any, prefix: str = "") -> dict[str, Value]:
    """The map of `message`'s fields."""
    if type(message) is not of:
        raise ProtocolError(f"{prefix or 'message '}is {show(message)}; give a {of.__name__}")
    return {name: kind.write(getattr(message, name), prefix + name) for name, kind in FIELDS[of].items()}


def read_signed(of: type[Any], value: Value, prefix: str = "") -> Signed[Any]:
    """A signed message of type `of`; the signature's length is checked, not yet whose it is."""
    found = _exact(value, {"message": None, "signature": None}, prefix)
    return Signed(
        read_fields(of, found["message"], f"{prefix}message."),
        SIGNATURE.read(found["signature"], f"{prefix}signature"),
    )


def write_signed(of: type[Any], signed: Any, prefix: str = "") -> dict[str, Value]:
    """The map of a signed message."""
    if type(signed) is not Signed:
        raise ProtocolError(f"{prefix or 'message '}is {show(signed)}; give a Signed[{of.__name__}]")
    return {
        "message": write_fields(of, signed.message, f"{prefix}message."),
        "signature": SIGNATURE.write(signed.signature, f"{prefix}signature"),
    }


def _exact(value: Value, fields: Mapping[str, object], prefix: str) -> dict[str, Value]:
    if type(value) is not dict:
        raise ProtocolError(f"{prefix.rstrip('.') or 'message'} is {show(value)}; give a map")
    for name in value:
        if name not in fields:
            raise ProtocolError(f"{show(prefix + name)} is not a field; the fields are {', '.join(fields)}")
    for name in fields:
        if name not in value:
            raise ProtocolError(f"{prefix}{name} is missing; the fields are {', '.join(fields)}")
    return value
