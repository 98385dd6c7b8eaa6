"""Whatever bytes come, the codec gives a valid message or ProtocolError; what it writes, it reads."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from p2pnode.errors import ProtocolError
from p2pnode.protocol import codec, schema
from p2pnode.protocol.eip712 import TYPES
from p2pnode.protocol.kinds import Choice, Kind, Octets, Sequence, Text, Uint
from p2pnode.protocol.messages import Signed
from p2pnode.protocol.receipt import parse_receipt
from p2pnode.protocol.tensors import decode_tensors, encode_tensors

SIGNABLE = tuple(TYPES)


def of_kind(kind: Kind) -> st.SearchStrategy[Any]:
    """Values that one kind of field may have."""
    if isinstance(kind, Uint):
        return st.integers(0, 2**kind.bits - 1)
    if isinstance(kind, Octets):
        return st.binary(min_size=kind.least, max_size=min(kind.most, kind.least + 40))
    if isinstance(kind, Text):
        return st.text(st.characters(codec="utf-8"), max_size=kind.most // 4)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.options)
    if isinstance(kind, Sequence):
        return st.lists(of_kind(kind.item), max_size=5).map(tuple)
    if isinstance(kind, schema.SignedRecord):
        return signed(kind.of)
    raise AssertionError(kind)


def plain(of: type[Any]) -> st.SearchStrategy[Any]:
    """Valid messages of one class."""
    return st.builds(of, **{name: of_kind(kind) for name, kind in schema.FIELDS[of].items()})


def signed(of: type[Any]) -> st.SearchStrategy[Any]:
    """Valid messages of one class with any signature."""
    return st.builds(Signed, plain(of), st.binary(min_size=65, max_size=65))


MESSAGES = st.one_of(*[plain(of) for of in schema.FIELDS], *[signed(of) for of in SIGNABLE])
LIMIT = 1 << 20


def test_schema_names_the_fields_of_the_dataclasses_in_order() -> None:
    for of, kinds in schema.FIELDS.items():
        assert list(kinds) == [field.name for field in fields(of)]


@given(MESSAGES)
def test_round_trip_is_exact_and_canonical(message: Any) -> None:
    data = codec.encode(message)
    assert codec.decode_any(data, LIMIT) == message
    assert data == cbor2.dumps(cbor2.loads(data), canonical=True)


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    reads: tuple[Callable[[], object], ...] = (
        lambda: codec.decode_any(data, LIMIT),
        lambda: decode_tensors(data),
        lambda: parse_receipt(data),
    )
    for read in reads:
        try:
            read()
        except ProtocolError:
            continue


@given(MESSAGES, st.data())
def test_mutated_messages_are_refused_or_canonical(message: Any, data: st.DataObject) -> None:
    encoded = bytearray(codec.encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if change == "flip":
            encoded[at] ^= data.draw(st.integers(1, 255))
        elif change == "cut" and len(encoded) > 1:
            del encoded[at]
        else:
            encoded.insert(at, data.draw(st.integers(0, 255)))
    try:
        found = codec.decode_any(bytes(encoded), LIMIT)
    except ProtocolError:
        return
    assert codec.encode(found) == bytes(encoded), "one message has one encoding"


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.binary() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
def test_other_cbor_is_refused(value: Any) -> None:
    data = cbor2.dumps({"v": 1, "type": "offer", "value": value}, canonical=True)
    try:
        codec.decode_any(data, LIMIT)
    except ProtocolError:
        return
    raise AssertionError("an offer without its fields was taken")


@given(st.binary(max_size=200))
def test_tensors_that_decode_encode_to_the_same_bytes(tail: bytes) -> None:
    data = (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"x" + tail
    try:
        found = decode_tensors(data)
    except ProtocolError:
        return
    assert encode_tensors(found) == data
