"""What every field of every message may hold.

One table for reading and writing: `codec` walks it, `docs/protocol.cddl` states the same for people, and a
test compares both with the dataclasses. Errors name the field, the value and what would be right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from p2pnode.errors import ProtocolError
from p2pnode.protocol.cbor import Value
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


class Kind(Protocol):
    """How one field is checked and turned into its wire value and back."""

    def read(self, value: Value, name: str) -> Any: ...

    def write(self, value: Any, name: str) -> Value: ...


@dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned integer of at most `bits` bits."""

    bits: int

    def read(self, value: Any, name: str) -> int:
        if type(value) is not int or not 0 <= value < 1 << self.bits:
            raise ProtocolError(f"{name} is {_show(value)}; give an integer from 0 to 2^{self.bits} - 1")
        return value

    write = read


@dataclass(frozen=True, slots=True)
class Octets:
    """A byte string of `least` to `most` bytes."""

    least: int
    most: int

    def read(self, value: Any, name: str) -> bytes:
        if type(value) is not bytes:
            raise ProtocolError(f"{name} is {_show(value)}; give {self._right()}")
        if not self.least <= len(value) <= self.most:
            raise ProtocolError(f"{name} has {len(value)} bytes; give {self._right()}")
        return value

    write = read

    def _right(self) -> str:
        if self.least == self.most:
            return f"a byte string of {self.least} bytes"
        return f"a byte string of {self.least} to {self.most} bytes"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `most` bytes in UTF-8."""

    most: int

    def read(self, value: Any, name: str) -> str:
        if type(value) is not str:
            raise ProtocolError(f"{name} is {_show(value)}; give text")
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            raise ProtocolError(f"{name} holds a lone surrogate; give text that has a UTF-8 form") from None
        if length > self.most:
            raise ProtocolError(f"{name} has {length} bytes; give at most {self.most}")
        return value

    write = read


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of `options`."""

    options: type[StrEnum]

    def read(self, value: Any, name: str) -> StrEnum:
        try:
            return self.options(value)
        except ValueError:
            raise ProtocolError(f"{name} is {_show(value)}; give one of {', '.join(self.options)}") from None

    def write(self, value: Any, name: str) -> str:
        return str(self.read(value, name))


@dataclass(frozen=True, slots=True)
class Sequence:
    """Up to `most` items of one kind; a tuple in Python."""

    item: Kind
    most: int

    def read(self, value: Value, name: str) -> tuple[Any, ...]:
        items = self._bound(value, list, name)
        return tuple(self.item.read(one, f"{name}[{i}]") for i, one in enumerate(items))

    def write(self, value: Any, name: str) -> list[Value]:
        items = self._bound(value, tuple, name)
        return [self.item.write(one, f"{name}[{i}]") for i, one in enumerate(items)]

    def _bound(self, value: Any, kind: type[Any], name: str) -> Any:
        if not isinstance(value, kind):
            raise ProtocolError(f"{name} is {_show(value)}; give an array")
        if len(value) > self.most:
            raise ProtocolError(f"{name} has {len(value)} items; give at most {self.most}")
        return value


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
        raise ProtocolError(f"{prefix or 'message '}is {_show(message)}; give a {of.__name__}")
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
        raise ProtocolError(f"{prefix or 'message '}is {_show(signed)}; give a Signed[{of.__name__}]")
    return {
        "message": write_fields(of, signed.message, f"{prefix}message."),
        "signature": SIGNATURE.write(signed.signature, f"{prefix}signature"),
    }


def _exact(value: Value, fields: Mapping[str, object], prefix: str) -> dict[str, Value]:
    if type(value) is not dict:
        raise ProtocolError(f"{prefix.rstrip('.') or 'message'} is {_show(value)}; give a map")
    for name in value:
        if name not in fields:
            raise ProtocolError(f"{_show(prefix + name)} is not a field; the fields are {', '.join(fields)}")
    for name in fields:
        if name not in value:
            raise ProtocolError(f"{prefix}{name} is missing; the fields are {', '.join(fields)}")
    return value


def _show(value: object) -> str:
    text = f"0x{value.hex()}" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
