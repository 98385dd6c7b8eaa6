"""Digests and signatures are those of the contracts, and only low-s signatures by the right account pass."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from p2pnode.errors import ProtocolError, SignatureError
from p2pnode.protocol.eip712 import TYPES, Domain, digest, recover, rescue_id, sign, verify
from p2pnode.protocol.messages import (
    Award,
    Bid,
    CallReceipt,
    Result,
    SessionAward,
    Signed,
    Voucher,
)
from tests.unit.test_protocol_codec import OFFER

KEY = b"\x01" * 32
ACCOUNT = bytes.fromhex(Account.from_key(KEY).address[2:])
DOMAIN = Domain(31337, b"\xaa" * 20)
MINE = replace(OFFER, requester=ACCOUNT)
BID = Bid(b"\1" * 32, ACCOUNT, 7, 8, 9, 10)
AWARD = Award(b"\1" * 32, b"\2" * 32, ACCOUNT, b"\3" * 20, b"\4" * 32, b"\5" * 32, 6, 7, 8, 9, 10)
RESULT = Result(b"\1" * 32, b"\2" * 32)
SESSION = SessionAward(ACCOUNT, b"\3" * 20, b"\4" * 32, 5, 6, 7, 8, 9, 10)
VOUCHER = Voucher(b"\1" * 32, 2, b"\3" * 32, b"\4" * 32)
RECEIPT = CallReceipt(b"\1" * 32, 2, b"\3" * 32)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
VECTORS = Path(__file__).parents[1] / "vectors" / "eip712.json"


def camel(name: str) -> str:
    return re.sub(r"_(.)", lambda m: m[1].upper(), name)


@pytest.mark.parametrize("message", [MINE, BID, AWARD, RESULT, SESSION, VOUCHER, RECEIPT])
def test_digest_equals_eth_account(message: Any) -> None:
    members = re.findall(r"(\w+) (\w+)", TYPES[type(message)].split("(")[1])
    assert [name for _, name in members] == [camel(field.name) for field in fields(message)]
    typed = encode_typed_data(
        {"name": "p2pnode", "version": "1", "chainId": 31337, "verifyingContract": "0x" + "aa" * 20},
        {type(message).__name__: [{"type": kind, "name": name} for kind, name in members]},
        {camel(field.name): getattr(message, field.name) for field in fields(message)},
    )
    signed = sign(DOMAIN, message, KEY)
    reference = Account.sign_message(typed, KEY)
    assert digest(DOMAIN, message) == reference.message_hash
    assert signed.signature == reference.signature
    assert recover(DOMAIN, signed) == ACCOUNT


def test_named_account_must_have_signed() -> None:
    named: tuple[Any, ...] = (MINE, BID, AWARD, SESSION)
    for message in named:
        verify(DOMAIN, sign(DOMAIN, message, KEY))
        with pytest.raises(SignatureError, match=f"it must be by 0x{ACCOUNT.hex()}"):
            verify(DOMAIN, sign(DOMAIN, message, b"\x02" * 32))
    unnamed: tuple[Any, ...] = (RESULT, VOUCHER, RECEIPT)
    for nameless in unnamed:
        verify(DOMAIN, sign(DOMAIN, nameless, KEY), ACCOUNT)
        with pytest.raises(ProtocolError, match="does not name its signer"):
            verify(DOMAIN, sign(DOMAIN, nameless, KEY))


@pytest.mark.parametrize("other", [Domain(1, b"\xaa" * 20), Domain(31337, b"\xab" * 20)])
def test_signature_for_another_domain_is_refused(other: Domain) -> None:
    with pytest.raises(SignatureError, match="chain 31337"):
        verify(DOMAIN, sign(other, MINE, KEY))


def test_malleable_and_malformed_signatures_are_refused() -> None:
    signature = sign(DOMAIN, MINE, KEY).signature
    s = int.from_bytes(signature[32:64], "big")
    high = signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])
    for bad, says in [
        (high, "high s"),
        (signature[:64], "64 bytes"),
        (signature[:64] + b"\0", "v 0; give 27 or 28"),
        (b"\0" * 64 + b"\x1b", "not one of this curve"),
        (b"\xff" * 32 + signature[32:], "not one of this curve"),
    ]:
        with pytest.raises(SignatureError, match=says):
            recover(DOMAIN, Signed(MINE, bad))


def test_a_short_digest_is_never_padded() -> None:
    with pytest.raises(ProtocolError, match="model_digest has 31 bytes"):
        digest(DOMAIN, replace(MINE, model_digest=b"\1" * 31))


@pytest.mark.parametrize("of", list(TYPES))
def test_digests_and_signatures_of_the_contracts(of: type[Any]) -> None:
    vectors = json.loads(VECTORS.read_text())
    domain = Domain(vectors["domain"]["chainId"], bytes.fromhex(vectors["domain"]["verifyingContract"][2:]))
    assert domain.separator().hex() == vectors["domainSeparator"][2:]
    vector = vectors[of.__name__]
    values: dict[str, Any] = {}
    for field in fields(of):
        text = vector["message"][camel(field.name)]
        values[field.name] = int(text) if field.type is int else bytes.fromhex(text[2:])
    message = of(**values)
    assert digest(domain, message).hex() == vector["digest"][2:]
    signed = Signed(message, bytes.fromhex(vector["signature"][2:]))
    assert recover(domain, signed).hex() == vectors["signer"][2:].lower()


def test_the_name_of_a_rescued_task_is_that_of_the_contracts() -> None:
    vectors = json.loads(VECTORS.read_text())
    domain = Domain(vectors["domain"]["chainId"], bytes.fromhex(vectors["domain"]["verifyingContract"][2:]))
    rescue = vectors["Rescue"]["message"]
    task_id, worker = bytes.fromhex(rescue["taskId"][2:]), bytes.fromhex(rescue["worker"][2:])
    assert rescue_id(domain, task_id, worker).hex() == vectors["Rescue"]["digest"][2:]
    with pytest.raises(ProtocolError, match="worker has 19 bytes; give 20"):
        rescue_id(domain, task_id, worker[1:])
