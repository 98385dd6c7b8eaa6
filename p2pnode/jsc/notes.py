"""One note on its way from sender to receiver: one-time key, ephemeral key, view tag and ciphertexts.

The receiver of a subaddress (C, D) finds R = r*D and K = a*R = r*C. P = D + H(k)*G, where k hashes K with the
note's context: chain, pool and the transaction's first key image, or the deposit context. Two notes that a
receiver accepts thus never share a key, so neither can burn the other.

r itself is a hash of a random anchor, the context and (C, D), and the anchor travels encrypted: the receiver
recomputes R and refuses a note whose sender mixed two subaddresses to learn whether they are one wallet's
("Janus", Monero research-lab issue 62; anchors after Carrot).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from Crypto.Cipher import ChaCha20_Poly1305

from p2pnode.errors import ProtocolError
from p2pnode.jsc.bn254 import BN254, Affine, Jacobian, compress, decompress
from p2pnode.jsc.generators import G, commit
from p2pnode.jsc.hashing import digest, domain, key_image_base, wide_scalar
from p2pnode.jsc.keys import Address, ViewKeys

TEXT: Final = 32
"""Bytes of the text that goes with a note."""
ANCHOR: Final = 16
_TAG: Final = 16
_RECEIVER: Final = 8 + ANCHOR + TEXT + _TAG
_SENDER: Final = 64 + ANCHOR + _TAG
MEMO: Final = 1 + 32 + _RECEIVER + _SENDER
"""View tag, R, ciphertext for the receiver, ciphertext for the sender."""
DEPOSIT_MASK: Final = 1
"""Mask of a commitment to a public amount."""

_CONTEXT: Final = domain("context")
_EPHEMERAL: Final = domain("ephemeral")
_VIEW_TAG: Final = domain("view-tag")
_SHARED: Final = domain("shared")
_OFFSET: Final = domain("key-offset")
_MASK: Final = domain("mask")
_MEMO_KEY: Final = domain("memo")
_OUT_KEY: Final = domain("outgoing")


@dataclass(frozen=True, slots=True)
class StealthNote:
    """What the chain sees besides a commitment; `roots` as `hashing.hash_to_point` makes them."""

    key: Affine
    roots: tuple[int, ...]
    memo: bytes


@dataclass(frozen=True, slots=True)
class Payee:
    """Who gets how many units with which text (at most 32 bytes)."""

    address: Address
    amount: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Received:
    """What the view key tells about a note: `offset` + b is its secret key."""

    subaddress: int
    amount: int
    mask: int
    offset: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """What the outgoing view key tells about a note; `mask` opens its commitment."""

    address: Address
    amount: int
    mask: int
    text: bytes


def context(chain_id: int, pool: bytes, first_image: Affine | None) -> bytes:
    """What ties notes to a transaction; without a key image, to a deposit into `pool` (20 bytes)."""
    x, y = first_image or (0, 0)
    words = (chain_id, int.from_bytes(pool, "big"), x, y)
    return digest(_CONTEXT, *(word.to_bytes(32, "big") for word in words))


def make(
    payee: Payee, tied: bytes, outgoing: bytes | None, *, deposit: bool = False
) -> tuple[StealthNote, int, bytes]:
    """(note, mask, anchor) of one payment. `tied` is its `context` and, in a transaction, its place."""
    if len(payee.text) > TEXT:
        raise ProtocolError(f"text has {len(payee.text)} bytes; at most {TEXT} go with a note")
    anchor = secrets.token_bytes(ANCHOR)
    address = payee.address
    ephemeral = _ephemeral(anchor, tied, address)
    public, shared_point = BN254.mul(ephemeral, address.spend), BN254.mul(ephemeral, address.view)
    raw_public = compress(public)
    raw = BN254.encode([shared_point])
    shared = _shared(raw, raw_public, tied)
    key = BN254.add(address.spend, BN254.mul(wide_scalar(_OFFSET, shared), G))
    _, roots = key_image_base(key)
    body = payee.amount.to_bytes(8, "big") + anchor + payee.text.ljust(TEXT, b"\0")
    sealed = _seal(digest(_MEMO_KEY, shared), body)
    record = secrets.token_bytes(_SENDER)
    if outgoing is not None:
        record = _seal(_outgoing_key(outgoing, key, raw_public, tied), address.raw + anchor)
    memo = bytes([view_tag(raw, tied)]) + raw_public + sealed + record
    mask = DEPOSIT_MASK if deposit else wide_scalar(_MASK, shared)
    return StealthNote(BN254.affine([key])[0], tuple(roots), memo), mask, anchor


def receive(
    keys: ViewKeys,
    shared_point: Jacobian,
    note: StealthNote,
    tied: bytes,
    subaddresses: Mapping[Affine, int],
    commitment: Affine | None,
    public_amount: int | None = None,
) -> Received | None:
    """The note as its receiver sees it, or None when it is not his or its sender cheated.

    `shared_point` is a*R; `subaddresses` maps D to its index; a deposit has a `public_amount` and no other
    `commitment`.
    """
    raw_public, sealed = note.memo[1:33], note.memo[33 : 33 + _RECEIVER]
    raw = BN254.encode([shared_point])
    if view_tag(raw, tied) != note.memo[0]:
        return None
    shared = _shared(raw, raw_public, tied)
    offset = wide_scalar(_OFFSET, shared)
    spend = BN254.sub(BN254.point(*note.key), BN254.mul(offset, G))
    subaddress = subaddresses.get(BN254.affine([spend])[0])
    if subaddress is None:
        return None
    body = _open(digest(_MEMO_KEY, shared), sealed)
    if body is None:
        return None
    amount, anchor, text = int.from_bytes(body[:8], "big"), body[8 : 8 + ANCHOR], body[8 + ANCHOR :]
    mask = wide_scalar(_MASK, shared)
    if public_amount is not None:
        amount, mask = public_amount, DEPOSIT_MASK
    elif commitment is None or BN254.affine([commit(amount, mask)])[0] != commitment:
        return None
    address = keys.address(subaddress)
    if compress(BN254.mul(_ephemeral(anchor, tied, address), address.spend)) != raw_public:
        return None
    offset += keys.subaddress_scalar(subaddress)
    return Received(subaddress, amount, mask, offset % BN254.order, text.rstrip(b"\0"))


def recover(outgoing: bytes, note: StealthNote, tied: bytes, public_amount: int | None = None) -> Sent | None:
    """The note as its sender sees it again, or None when another key made it."""
    raw_public, record = note.memo[1:33], note.memo[33 + _RECEIVER :]
    opened = _open(_outgoing_key(outgoing, BN254.point(*note.key), raw_public, tied), record)
    if opened is None:
        return None
    try:
        return reveal(Address.from_raw(opened[:64]), opened[64:], note, tied, public_amount)
    except ProtocolError:
        return None


def reveal(
    address: Address, anchor: bytes, note: StealthNote, tied: bytes, public_amount: int | None = None
) -> Sent | None:
    """What `anchor` shows about the note: that it pays `address`, and how much; None when it does not."""
    ephemeral = _ephemeral(anchor, tied, address)
    raw_public = compress(BN254.mul(ephemeral, address.spend))
    if raw_public != note.memo[1:33]:
        return None
    shared = _shared(BN254.encode([BN254.mul(ephemeral, address.view)]), raw_public, tied)
    key = BN254.add(address.spend, BN254.mul(wide_scalar(_OFFSET, shared), G))
    body = _open(digest(_MEMO_KEY, shared), note.memo[33 : 33 + _RECEIVER])
    if body is None or BN254.affine([key])[0] != note.key:
        return None
    amount, mask = int.from_bytes(body[:8], "big"), wide_scalar(_MASK, shared)
    if public_amount is not None:
        amount, mask = public_amount, DEPOSIT_MASK
    return Sent(address, amount, mask, body[8 + ANCHOR :].rstrip(b"\0"))


def ephemeral_key(note: StealthNote) -> Jacobian:
    """R. ProtocolError for a memo of the wrong length or without a point."""
    if len(note.memo) != MEMO:
        raise ProtocolError(f"memo has {len(note.memo)} bytes; it must have {MEMO}")
    return decompress(note.memo[1:33])


def _ephemeral(anchor: bytes, tied: bytes, address: Address) -> int:
    return wide_scalar(_EPHEMERAL, anchor, tied, address.raw)


def view_tag(raw: bytes, tied: bytes) -> int:
    """The byte by which 255 of 256 foreign notes are passed over; `raw` is the encoded shared point."""
    return digest(_VIEW_TAG, raw, tied)[0]


def _shared(raw: bytes, raw_public: bytes, tied: bytes) -> bytes:
    return digest(_SHARED, raw, raw_public, tied)


def _outgoing_key(outgoing: bytes, key: Jacobian, raw_public: bytes, tied: bytes) -> bytes:
    return digest(_OUT_KEY, outgoing, BN254.encode([key]), raw_public, tied)


def _seal(key: bytes, plain: bytes) -> bytes:
    # Every key serves one message, so the nonce may be fixed (RFC 8439).
    sealed, tag = ChaCha20_Poly1305.new(key=key, nonce=bytes(12)).encrypt_and_digest(plain)
    return bytes(sealed + tag)


def _open(key: bytes, sealed: bytes) -> bytes | None:
    try:
        cipher = ChaCha20_Poly1305.new(key=key, nonce=bytes(12))
        return bytes(cipher.decrypt_and_verify(sealed[:-_TAG], sealed[-_TAG:]))
    except ValueError:
        return None
