"""What goes over the control socket, as validated values and as JSON.

Digests, addresses and hashes are hex with 0x, tensors (canonical encoding) base64, amounts decimal text,
because a uint256 does not survive JSON readers that use doubles.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from p2pnode.errors import ProtocolError

MAX_INPUTS: Final = 1024
MAX_AMOUNT: Final = 1 << 96

Json = Any
"""A value that json.dumps takes."""
Emit = Callable[[str, Mapping[str, Json]], Awaitable[None]]
"""Sends one event of a running request: (name such as `bid.received`, fields)."""


class Wait(StrEnum):
    """When a submission counts as done."""

    ANSWERED = "answered"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """Tasks of one model. `inputs` are canonically encoded tensors, `labels` name them for people.

    Prices are per task in the smallest unit.
    """

    model_digest: bytes
    inputs: tuple[bytes, ...]
    labels: tuple[str, ...]
    price_min: int
    price_max: int
    wait: Wait


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How one submitted task ended. `state` is one of `market.state`; empty bytes stand for nothing yet."""

    label: str
    state: str
    task_id: bytes = b""
    worker: bytes = b""
    price: int = 0
    model_fee: int = 0
    output: bytes = b""
    transaction: bytes = b""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A model file on this machine to serve and announce; `price` is its fee, `name` for people."""

    path: Path
    price: int
    name: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session to open: prices in the smallest unit, `seconds` in which calls are made."""

    model_digest: bytes
    price: int
    most_calls: int
    opening_fee_max: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one session, in order; `inputs` are canonically encoded tensors."""

    session: bytes
    inputs: tuple[bytes, ...]


def submit_to_json(request: SubmitRequest) -> Json:
    """Params of `submit`."""
    return {
        "model": hexed(request.model_digest),
        "inputs": [base64.b64encode(data).decode() for data in request.inputs],
        "labels": list(request.labels),
        "price_min": str(request.price_min),
        "price_max": str(request.price_max),
        "wait": request.wait.value,
    }


def submit_from_json(params: Json) -> SubmitRequest:
    """Checked request. Raises ProtocolError naming the field."""
    fields = table(params, ("model", "inputs", "labels", "price_min", "price_max", "wait"))
    inputs = tuple(_base64(item, "inputs") for item in _list(fields["inputs"], "inputs"))
    labels = tuple(text(item, "labels") for item in _list(fields["labels"], "labels"))
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise ProtocolError(f"inputs has {len(inputs)} items; give 1 to {MAX_INPUTS}")
    if len(labels) != len(inputs):
        raise ProtocolError(f"labels has {len(labels)} items; give one for each of {len(inputs)} inputs")
    low, high = amount(fields["price_min"], "price_min"), amount(fields["price_max"], "price_max")
    if low > high:
        raise ProtocolError(f"price_min is {low}, above price_max {high}; give at most price_max")
    if fields["wait"] not in list(Wait):
        raise ProtocolError(f"wait is {fields['wait']!r:.40}; give answered or settled")
    return SubmitRequest(digest(fields["model"], "model"), inputs, labels, low, high, Wait(fields["wait"]))


def report_to_json(report: TaskReport) -> Json:
    """One item of the result of `submit`."""
    return {
        "label": report.label,
        "state": report.state,
        "task_id": hexed(report.task_id),
        "worker": hexed(report.worker),
        "price": str(report.price),
        "model_fee": str(report.model_fee),
        "output": base64.b64encode(report.output).decode(),
        "transaction": hexed(report.transaction),
        "reason": report.reason,
    }


def report_from_json(value: Json) -> TaskReport:
    """Checked report. Raises ProtocolError naming the field."""
    names = ("label", "state", "task_id", "worker", "price", "model_fee", "output", "transaction", "reason")
    fields = table(value, names)
    return TaskReport(
        label=text(fields["label"], "label"),
        state=text(fields["state"], "state"),
        task_id=octets(fields["task_id"], "task_id"),
        worker=octets(fields["worker"], "worker"),
        price=amount(fields["price"], "price"),
        model_fee=amount(fields["model_fee"], "model_fee"),
        output=_base64(fields["output"], "output"),
        transaction=octets(fields["transaction"], "transaction"),
        reason=text(fields["reason"], "reason"),
    )


def publish_to_json(request: PublishRequest) -> Json:
    """Params of `publish`."""
    return {"path": str(request.path), "price": str(request.price), "name": request.name}


def publish_from_json(params: Json) -> PublishRequest:
    """Checked request. Raises ProtocolError naming the field."""
    fields = table(params, ("path", "price", "name"))
    path = Path(text(fields["path"], "path"))
    if not path.is_absolute():
        raise ProtocolError(f"path is {str(path)!r:.200}; give an absolute one")
    return PublishRequest(path, amount(fields["price"], "price"), text(fields["name"], "name"))


def hexed(data: bytes) -> str:
    """0x and hex digits."""
    return "0x" + data.hex()


def table(value: Json, names: Sequence[str]) -> Mapping[str, Json]:
    """An object with exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise ProtocolError(f"params must be an object with {', '.join(names) or 'no fields'}")
    return value


def text(value: Json, name: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is {value!r:.40}; give a text")
    return value


def octets(value: Json, name: str) -> bytes:
    """Bytes in hex with 0x."""
    try:
        if not text(value, name).startswith("0x"):
            raise ValueError
        return bytes.fromhex(value[2:])
    except ValueError:
        raise ProtocolError(f"{name} is {value!r:.80}; give 0x and hex digits") from None


def digest(value: Json, name: str) -> bytes:
    """32 bytes in hex with 0x."""
    data = octets(value, name)
    if len(data) != 32:
        raise ProtocolError(f"{name} has {len(data)} bytes; give 32")
    return data


def amount(value: Json, name: str) -> int:
    """An amount as decimal text."""
    if not text(value, name).isascii() or not value.isdigit() or len(value) > 30 or int(value) >= MAX_AMOUNT:
        raise ProtocolError(f"{name} is {value!r:.80}; give decimal digits below 2^96")
    return int(value)


def _list(value: Json, name: str) -> Sequence[Json]:
    if not isinstance(value, list):
        raise ProtocolError(f"{name} is {value!r:.40}; give a list")
    return value


def _base64(value: Json, name: str) -> bytes:
    try:
        return base64.b64decode(text(value, name), validate=True)
    except binascii.Error:
        raise ProtocolError(f"{name} is not base64") from None
