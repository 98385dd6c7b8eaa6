"""Messages as deterministic CBOR (RFC 8949 section 4.2) and back.

A message is a map with text keys: `v` (1), `type`, and the fields of its dataclass under their names; a
signed one has `message` and `signature` instead, and a type that starts with `signed-`. Reading is strict:
the size first, then the canonical form, version, type, the exact set of fields, and each field's type and
range. Everything that is wrong raises ProtocolError, whatever the bytes.
"""

import re
from typing import Any, TypeVar

from p2pnode.errors import ProtocolError
from p2pnode.protocol import cbor, schema
from p2pnode.protocol.eip712 import TYPES
from p2pnode.protocol.messages import Answer, Assignment, CallAnswer, CallRequest, Signed, TaskStatus

VERSION = 1

_OVERHEAD = 4096
_SIGNABLE: tuple[type[Any], ...] = tuple(TYPES)

M = TypeVar("M")


def type_name(of: type[Any]) -> str:
    """The `type` of a message: its class name in kebab case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", of.__name__).lower()


def max_size(of: type[Any]) -> int:
    """The most bytes that a message of this class can have on the wire."""
    if of in (Assignment, Answer, CallRequest, CallAnswer):
        return schema.MAX_TENSORS + _OVERHEAD
    if of is TaskStatus:
        return schema.MAX_RECEIPT + _OVERHEAD
    return schema.MAX_GOSSIP


_PLAIN = {type_name(of): of for of in schema.FIELDS}
_SIGNED = {f"signed-{type_name(of)}": of for of in _SIGNABLE}


def encode(message: object) -> bytes:
    """Bytes of a message or of a Signed one. Raises ProtocolError if a field is out of range."""
    if isinstance(message, Signed):
        of = type(message.message)
        if of not in _SIGNABLE:
            names = ", ".join(kind.__name__ for kind in _SIGNABLE)
            raise ProtocolError(f"{of.__name__} is not signed; sign one of {names}")
        fields, name = schema.write_signed(of, message), f"signed-{type_name(of)}"
    else:
        of = type(message)
        if of not in schema.FIELDS:
            raise ProtocolError(f"{of.__name__} is not a message; see p2pnode.protocol.messages")
        fields, name = schema.write_fields(of, message), type_name(of)
    return cbor.dumps({"v": VERSION, "type": name, **fields})


def decode(data: bytes, expect: type[M]) -> M:
    """The unsigned message of class `expect` in `data`. Raises ProtocolError."""
    message = _decode(data, max_size(expect))
    if not isinstance(message, expect):
        raise ProtocolError(f"type is {_name_of(message)!r}; give {type_name(expect)!r}")
    return message


def decode_signed(data: bytes, expect: type[M]) -> Signed[M]:
    """The signed message of class `expect` in `data`, signature not yet checked. Raises ProtocolError."""
    message = _decode(data, max_size(expect))
    if not isinstance(message, Signed) or not isinstance(message.message, expect):
        raise ProtocolError(f"type is {_name_of(message)!r}; give 'signed-{type_name(expect)}'")
    return message


def decode_any(data: bytes, limit: int) -> object:
    """Whatever message is in `data`, for a stream on which several types may come. Raises ProtocolError."""
    return _decode(data, limit)


def _decode(data: bytes, limit: int) -> object:
    if len(data) > limit:
        raise ProtocolError(f"message has {len(data)} bytes; send at most {limit}")
    value = cbor.loads(data)
    if not isinstance(value, dict):
        raise ProtocolError("message is not a map; send a map with v, type and the fields")
    version = value.pop("v", None)
    if type(version) is not int or version != VERSION:
        raise ProtocolError(f"v is {version!r:.80}; this node speaks version {VERSION}")
    name = value.pop("type", None)
    if isinstance(name, str) and name in _PLAIN:
        return schema.read_fields(_PLAIN[name], value)
    if isinstance(name, str) and name in _SIGNED:
        return schema.read_signed(_SIGNED[name], value)
    raise ProtocolError(f"type is {name!r:.80}; give one of {', '.join([*_PLAIN, *_SIGNED])}")


def _name_of(message: object) -> str:
    if isinstance(message, Signed):
        return f"signed-{type_name(type(message.message))}"
    return type_name(type(message))
