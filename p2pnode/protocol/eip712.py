"""EIP-712 digests and signatures of the messages that the chain checks.

The struct types are those of the ProofOfInference contract; a test compares with vectors made by Solidity.
Sources: EIP-712 (typed data), EIP-2 (low s).
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, TypeVar

# Not eth-keys: it loads pydantic by way of eth-utils, which takes longer than checking a receipt.
from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak as _keccak

from p2pnode.errors import ProtocolError, SignatureError
from p2pnode.protocol import schema
from p2pnode.protocol.messages import (
    Award,
    Bid,
    CallReceipt,
    Offer,
    Result,
    SessionAward,
    Signed,
    Voucher,
)

Signable = Offer | Bid | Award | Result | SessionAward | Voucher | CallReceipt
M = TypeVar("M", Offer, Bid, Award, Result, SessionAward, Voucher, CallReceipt)

NAME = "p2pnode"
VERSION = "1"

TYPES: dict[type[Any], str] = {
    Offer: (
        "Offer(address requester,bytes32 modelDigest,bytes32 inputDigest,uint256 priceMin,uint256 priceMax,"
        "uint64 rampStart,uint64 rampEnd,uint64 resultDeadline,uint64 settleDeadline,uint256 minStake,"
        "address payToken,uint256 nonce)"
    ),
    Bid: (
        "Bid(bytes32 offerHash,address worker,uint256 price,uint64 madeAt,uint64 resultBy,uint64 validUntil)"
    ),
    Award: (
        "Award(bytes32 offerHash,bytes32 bidHash,address requester,address worker,bytes32 modelDigest,"
        "bytes32 inputDigest,uint256 price,uint256 modelFee,uint64 resultDeadline,uint64 settleDeadline,"
        "uint256 nonce)"
    ),
    Result: "Result(bytes32 taskId,bytes32 outputDigest)",
    SessionAward: (
        "SessionAward(address requester,address worker,bytes32 modelDigest,uint256 price,uint256 modelFee,"
        "uint256 openingFee,uint32 mostCalls,uint64 settleDeadline,uint256 nonce)"
    ),
    Voucher: "Voucher(bytes32 sessionHash,uint32 calls,bytes32 history,bytes32 inputDigest)",
    CallReceipt: "CallReceipt(bytes32 sessionHash,uint32 calls,bytes32 history)",
}


def keccak(data: bytes) -> bytes:
    """Keccak-256, 32 bytes."""
    return _keccak.new(data=data, digest_bits=256).digest()


_RESCUE_TYPE = "Rescue(bytes32 taskId,address worker)"
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_TYPE_HASHES = {of: keccak(text.encode()) for of, text in TYPES.items()}
_FIELDS = {of: tuple(field.name for field in fields(of)) for of in TYPES}
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Domain:
    """The chain and the ProofOfInference contract (20 bytes) that signatures are for."""

    chain_id: int
    verifying_contract: bytes

    def separator(self) -> bytes:
        """The domain separator, 32 bytes."""
        return _separator(self)


@lru_cache(maxsize=16)
def _separator(domain: Domain) -> bytes:
    """Kept, since a node signs and checks under one domain, and hashes it several times for each message."""
    return keccak(
        keccak(_DOMAIN_TYPE.encode())
        + keccak(NAME.encode())
        + keccak(VERSION.encode())
        + domain.chain_id.to_bytes(32, "big")
        + domain.verifying_contract.rjust(32, b"\0")
    )


def digest(domain: Domain, message: Signable) -> bytes:
    """What is signed: the offer hash, bid hash, task ID (of an Award) or session hash, 32 bytes.

    Raises ProtocolError if a field is out of range.
    """
    # A digest that is too short would be padded below, so every field is checked here.
    schema.write_fields(type(message), message)
    words = b"".join(_word(getattr(message, name)) for name in _FIELDS[type(message)])
    return keccak(b"\x19\x01" + domain.separator() + keccak(_TYPE_HASHES[type(message)] + words))


def rescue_id(domain: Domain, task_id: bytes, worker: bytes) -> bytes:
    """What stands for the task ID in the proof of a worker that rescues a missed task, 32 bytes.

    It names the rescuer, so that a copied proof pays its maker and nobody else.
    """
    for name, value, size in (("task_id", task_id, 32), ("worker", worker, 20)):
        if len(value) != size:
            raise ProtocolError(f"{name} has {len(value)} bytes; give {size}")
    words = keccak(_RESCUE_TYPE.encode()) + task_id + _word(worker)
    return keccak(b"\x19\x01" + domain.separator() + keccak(words))


def sign(domain: Domain, message: M, private_key: bytes) -> Signed[M]:
    """`message` with the signature of `private_key` (32 bytes); low s, v of 27 or 28."""
    raw = PrivateKey(private_key).sign_recoverable(digest(domain, message), hasher=None)
    return Signed(message, raw[:64] + bytes([27 + raw[64]]))


def recover(domain: Domain, signed: Signed[M]) -> bytes:
    """Address that signed, 20 bytes. Raises SignatureError for a malformed or malleable signature."""
    raw = signed.signature
    if len(raw) != 65:
        raise SignatureError(f"signature has {len(raw)} bytes; give the 65 bytes r | s | v")
    if raw[64] not in (27, 28):
        raise SignatureError(f"signature has v {raw[64]}; give 27 or 28")
    if int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
        raise SignatureError("signature has a high s; give the low one (EIP-2)")
    signed_digest = digest(domain, signed.message)
    try:
        key = PublicKey.from_signature_and_message(
            raw[:64] + bytes([raw[64] - 27]), signed_digest, hasher=None
        )
    except ValueError as error:
        raise SignatureError(f"signature is not one of this curve: {error}") from error
    # An address is the end of the hash of the point's two coordinates.
    return keccak(key.format(compressed=False)[1:])[12:]


def signer(message: Offer | Bid | Award | SessionAward) -> bytes:
    """The account that a message says has signed it; the others do not name it."""
    return message.worker if isinstance(message, Bid) else message.requester


def verify(domain: Domain, signed: Signed[M], account: bytes | None = None) -> None:
    """Check that the named account signed; `account` is the awarded worker for a Result or a CallReceipt,
    the session's requester for a Voucher.

    Raises SignatureError; a signature for another chain or contract looks like another account's.
    """
    message = signed.message
    if account is None:
        if isinstance(message, Result | Voucher | CallReceipt):
            raise ProtocolError(f"a {type(message).__name__} does not name its signer; give the account")
        account = signer(message)
    found = recover(domain, signed)
    if found != account:
        raise SignatureError(
            f"signature of the {type(message).__name__} is by 0x{found.hex()} if made for chain "
            f"{domain.chain_id} and contract 0x{domain.verifying_contract.hex()}; "
            f"it must be by 0x{account.hex()}"
        )


def _word(value: bytes | int) -> bytes:
    # Addresses are left-padded and digests fill the word, so one rule serves both.
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")
