"""Sessions over the control socket: what `p2pnode session` asks the running node for."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from p2pnode.control.handlers import SessionHandlers
from p2pnode.control.messages import (
    MAX_INPUTS,
    Calls,
    Emit,
    Json,
    OpenSession,
    amount,
    digest,
    hexed,
    table,
    text,
)
from p2pnode.errors import ProtocolError

CALL_ANSWERED: Final = "call.answered"
"""Event of one answered call: `index` of its input, `call` in the session, and the encoded `output`."""


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """One call: which of the inputs it was, its number in the session, and its encoded output."""

    index: int
    call: int
    output: bytes


Method = Callable[[SessionHandlers, Json, Emit], Awaitable[Json]]


def start_to_json(order: OpenSession) -> Json:
    """Params of `session.open`."""
    return {
        "model": hexed(order.model_digest),
        "price": str(order.price),
        "most_calls": order.most_calls,
        "opening_fee_max": str(order.opening_fee_max),
        "seconds": order.seconds,
    }


def calls_to_json(calls: Calls) -> Json:
    """Params of `session.call`."""
    inputs = [base64.b64encode(data).decode() for data in calls.inputs]
    return {"session": hexed(calls.session), "inputs": inputs}


def answered_to_json(answered: AnsweredCall) -> Mapping[str, Json]:
    """Fields of CALL_ANSWERED."""
    output = base64.b64encode(answered.output).decode()
    return {"index": answered.index, "call": answered.call, "output": output}


def answered_from_json(fields: Mapping[str, Json]) -> AnsweredCall:
    """Checked fields of CALL_ANSWERED. Raises ProtocolError."""
    found = table(dict(fields), ("index", "call", "output"))
    return AnsweredCall(
        _whole(found["index"], "index"), _whole(found["call"], "call"), _data(found["output"])
    )


async def _open(handlers: SessionHandlers, params: Json, emit: Emit) -> Json:
    fields = table(params, ("model", "price", "most_calls", "opening_fee_max", "seconds"))
    order = OpenSession(
        digest(fields["model"], "model"),
        amount(fields["price"], "price"),
        _whole(fields["most_calls"], "most_calls"),
        amount(fields["opening_fee_max"], "opening_fee_max"),
        _whole(fields["seconds"], "seconds"),
    )
    return await handlers.start(order)


async def _call(handlers: SessionHandlers, params: Json, emit: Emit) -> Json:
    fields = table(params, ("session", "inputs"))
    if not isinstance(fields["inputs"], list) or not 1 <= len(fields["inputs"]) <= MAX_INPUTS:
        raise ProtocolError(f"inputs must be a list of 1 to {MAX_INPUTS} inputs")
    inputs = tuple(_data(item) for item in fields["inputs"])
    return await handlers.calls(Calls(digest(fields["session"], "session"), inputs), emit)


async def _close(handlers: SessionHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.close(_named(params))


async def _settle(handlers: SessionHandlers, params: Json, emit: Emit) -> Json:
    return await handlers.settle(_named(params))


async def _list(handlers: SessionHandlers, params: Json, emit: Emit) -> Json:
    return list(await handlers.all())


METHODS: Final[Mapping[str, Method]] = {
    "session.open": _open,
    "session.call": _call,
    "session.close": _close,
    "session.settle": _settle,
    "session.list": _list,
}


def _named(params: Json) -> bytes:
    return digest(table(params, ("session",))["session"], "session")


def _whole(value: Json, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ProtocolError(f"{name} is {value!r:.40}; give a whole number")
    return value


def _data(value: Json) -> bytes:
    try:
        return base64.b64decode(text(value, "tensors"), validate=True)
    except binascii.Error:
        raise ProtocolError("tensors are not base64") from None
