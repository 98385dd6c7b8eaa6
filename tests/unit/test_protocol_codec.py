"""The codec refuses everything but the one encoding of a valid message, and says why."""

import cbor2
import pytest

from p2pnode.errors import ProtocolError
from p2pnode.protocol import cbor, codec, schema
from p2pnode.protocol.messages import (
    Answer,
    Assignment,
    Award,
    Decline,
    DeclineCode,
    Heartbeat,
    Offer,
    Result,
    Signed,
    TaskQuery,
    TaskStatus,
)

OFFER = Offer(
    requester=b"\x11" * 20,
    model_digest=b"\x22" * 32,
    input_digest=b"\x33" * 32,
    price_min=1,
    price_max=10**18,
    ramp_start=1_700_000_000,
    ramp_end=1_700_000_060,
    result_deadline=1_700_000_600,
    settle_deadline=1_700_003_600,
    min_stake=0,
    pay_token=b"\x44" * 20,
    nonce=2**255 + 1,
)


def fields(**change: object) -> dict[str, object]:
    """The map of a valid offer with some keys replaced; None removes one."""
    value = cbor2.loads(codec.encode(OFFER))
    value.update(change)
    return {key: one for key, one in value.items() if one is not None}


def test_bytes_of_a_message_are_fixed() -> None:
    assert codec.encode(TaskQuery(b"\x01" * 32)).hex() == (
        "a3"
        + "6176"
        + "01"
        + "6474797065"
        + "6a7461736b2d7175657279"
        + "677461736b5f6964"
        + "5820"
        + "01" * 32
    )


@pytest.mark.parametrize(
    "message",
    [
        OFFER,
        Signed(OFFER, b"\x05" * 65),
        Decline(b"\x01" * 32, DeclineCode.AT_CAPACITY, "4 of 4 places are taken"),
        Heartbeat(b"\x01" * 20, 4, 1, (b"\x02" * 32, b"\x03" * 32)),
        TaskStatus(b"\x01" * 32, "proving", "segment 1 of 3", b""),
        Answer(Signed(Result(b"\x01" * 32, b"\x02" * 32), b"\x03" * 65), b"\0" * 4),
    ],
)
def test_round_trip(message: object) -> None:
    assert codec.decode_any(codec.encode(message), codec.max_size(type(message))) == message


def test_typed_decode_returns_what_is_expected_only() -> None:
    signed = Signed(OFFER, b"\x05" * 65)
    assert codec.decode_signed(codec.encode(signed), Offer) == signed
    assert codec.decode(codec.encode(OFFER), Offer) == OFFER
    with pytest.raises(ProtocolError, match="type is 'signed-offer'; give 'offer'"):
        codec.decode(codec.encode(signed), Offer)
    with pytest.raises(ProtocolError, match="type is 'offer'; give 'signed-offer'"):
        codec.decode_signed(codec.encode(OFFER), Offer)
    with pytest.raises(ProtocolError, match="give 'signed-award'"):
        codec.decode_signed(codec.encode(signed), Award)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"v": 2}, "v is 2; this node speaks version 1"),
        ({"v": None}, "v is None"),
        ({"v": True}, "0xf5"),
        ({"type": "ofer"}, "type is 'ofer'; give one of offer"),
        ({"type": None}, "type is None"),
        ({"colour": 1}, "'colour' is not a field"),
        ({"nonce": None}, "nonce is missing"),
        ({"nonce": 2**256}, "bignum"),
        ({"nonce": -1}, "0x20"),
        ({"nonce": "7"}, "nonce is '7'; give an integer from 0 to 2\\^256 - 1"),
        ({"ramp_start": 2**64}, "ramp_start is 18446744073709551616; give an integer from 0 to 2\\^64 - 1"),
        ({"price_max": 1.5}, "0xf9"),
        ({"model_digest": b"\x22" * 31}, "model_digest has 31 bytes; give a byte string of 32 bytes"),
        ({"requester": "0x" + "11" * 20}, "requester is '0x1111"),
        ({"pay_token": []}, r"pay_token is \[\]"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        codec.decode(cbor2.dumps(fields(**change), canonical=True), Offer)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut off"),
        (b"\xff", "indefinite or reserved length"),
        (b"\x9f\xff", "indefinite"),
        (b"\x18\x01", "use the shortest"),
        (b"\x19\x00\xff", "use the shortest"),
        (b"\xc2\x41\x01", "not in the shortest form"),
        (b"\xc2\x49" + b"\0" * 9, "not in the shortest form"),
        (b"\xc2\x58\x21" + b"\1" * 33, "wider than 32 bytes"),
        (b"\xc2\x01", "wider than 32 bytes"),
        (b"\xd8\x23\x61a", "0xd8"),
        (b"\x61\xff", "not UTF-8"),
        (b"\x9b" + b"\xff" * 8, "items of an array"),
        (b"\xbb" + b"\xff" * 8, "items of an map"),
        (b"\x5b" + b"\xff" * 8, "cut off"),
        (b"\x81" * 50 + b"\0", "nests deeper"),
        (b"\x01\x01", "1 bytes after its end"),
        (b"\x01", "not a map"),
        (b"\xa1\x01\x01", "not text"),
        (b"\xa2\x61b\x01\x61a\x01", "twice or out of order"),
        (b"\xa2\x61a\x01\x61a\x01", "twice or out of order"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        codec.decode_any(data, 1000)


def test_size_is_checked_before_anything_else() -> None:
    with pytest.raises(ProtocolError, match=f"message has 65537 bytes; send at most {schema.MAX_GOSSIP}"):
        codec.decode(b"\xff" * 65537, Offer)
    digest, account = b"\1" * 32, b"\1" * 20
    award = Award(digest, digest, account, account, digest, digest, 1, 1, 1, 1, 1)
    big = Assignment(Signed(award, b"\1" * 65), b"\0" * schema.MAX_TENSORS)
    assert codec.decode(codec.encode(big), Assignment) == big


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (TaskQuery(b"\1" * 31), "task_id has 31 bytes"),
        (Heartbeat(b"\1" * 20, 2**32, 0, ()), "capacity is 4294967296"),
        (Heartbeat(b"\1" * 20, 1, 0, (b"\1" * 32,) * 65), "models has 65 items; give at most 64"),
        (Heartbeat(b"\1" * 20, 1, 0, (b"\1" * 32, b"")), r"models\[1\] has 0 bytes"),
        (Decline(b"\1" * 32, DeclineCode.INTERNAL, "x" * 513), "reason has 513 bytes"),
        (Decline(b"\1" * 32, DeclineCode.INTERNAL, "\ud800"), "lone surrogate"),
        (Signed(OFFER, b""), "signature has 0 bytes"),
        (Signed(TaskQuery(b"\1" * 32), b"\1" * 65), "TaskQuery is not signed"),
        ("offer", "str is not a message"),
    ],
)
def test_an_invalid_message_cannot_be_written(message: object, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        codec.encode(message)


def test_unknown_decline_code_is_refused() -> None:
    value = cbor2.loads(codec.encode(Decline(b"\1" * 32, DeclineCode.INTERNAL, "")))
    with pytest.raises(ProtocolError, match="code is 'bored'; give one of malformed"):
        codec.decode(cbor2.dumps({**value, "code": "bored"}, canonical=True), Decline)


def test_reader_agrees_with_a_general_decoder() -> None:
    data = codec.encode(Signed(OFFER, b"\x05" * 65))
    assert cbor.loads(data) == cbor2.loads(data)
