"""Proofs a wallet gives of its own accord: that it paid, and that it holds.

A payment proof is the note's anchor: whoever has it can recompute the note for its address and amount. A
reserve proof shows notes with their amounts and key images; each carries a CLSAG over a ring of the note
alone, which shows that the key image is the note's and that the commitment opens to the amount.
"""

from dataclasses import dataclass
from typing import Any, Final

import base58
import cbor2

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.jsc import clsag
from p2pnode.jsc.bn254 import BN254, Affine, Jacobian, N
from p2pnode.jsc.builder import random_scalar
from p2pnode.jsc.clsag import Clsag, Ring
from p2pnode.jsc.generators import commit
from p2pnode.jsc.hashing import digest, domain
from p2pnode.jsc.keys import Address
from p2pnode.jsc.notes import reveal
from p2pnode.jsc.pool import Pool
from p2pnode.jsc.scanner import tied_of
from p2pnode.jsc.transcripts import JscClsagTranscript
from p2pnode.jsc.wallet import SentNote, Wallet

_RESERVE: Final = domain("reserve-proof")
_MAX_NOTES: Final = 256


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a reserve proof shows: units unspent now, and units of it spent since."""

    unspent: int
    spent: int


def payment_proof(pool: Pool, sent: SentNote) -> str:
    """Text that shows that `sent` paid its address. ConfigError while the note is not in the pool."""
    for index in range(pool.note_count - 1, 15, -1):
        event, place = pool.note(index)
        if event.notes[place].key == sent.key:
            return _text("jscpaid", [index, sent.address.raw, sent.anchor])
    raise ConfigError("the payment is not in the pool yet; try again when its transaction is in a block")


def check_payment(pool: Pool, proof: str) -> tuple[Address, int]:
    """(who was paid, units). ProtocolError when the proof does not hold."""
    index, raw, anchor = _parts("jscpaid", proof, 3)
    if not isinstance(index, int) or not 16 <= index < pool.note_count or not isinstance(anchor, bytes):
        raise ProtocolError("payment proof names no note of the pool; sync the wallet, or ask for another")
    event, place = pool.note(index)
    note, tied = event.notes[place], tied_of(pool, event)[place]
    address = Address.from_raw(raw)
    public = event.amounts[place] if event.is_deposit else None
    sent = reveal(address, anchor, note, tied, public)
    if sent is None:
        raise ProtocolError("payment proof does not fit the note it names")
    if not BN254.equal(commit(sent.amount, sent.mask), pool.commitment(event, place)):
        raise ProtocolError("the note does not hold the amount that its sender wrote into it")
    return address, sent.amount


def reserve_proof(wallet: Wallet, units: int, text: str) -> str:
    """Shows at least `units` unspent, for whoever asked with `text`. ConfigError when there is less."""
    spend, entries, held = wallet.spend_key(), [], 0
    for note in sorted(wallet.unspent(), key=lambda note: -note.received.amount):
        if held >= units:
            break
        got = note.received
        message = _reserve_message(wallet.pool, text, note.index, got.amount)
        ring, pseudo_out = _lone_ring(wallet.pool, note.index), commit(got.amount, 0)
        secret = (0, (spend + got.offset) % N, got.mask)
        signature, image = clsag.sign(
            BN254, JscClsagTranscript(), message, ring, pseudo_out, secret, random_scalar
        )
        points = BN254.encode([image, signature.commitment_image])
        entries.append([note.index, got.amount, points, signature.challenge, signature.responses[0]])
        held += got.amount
    if held < units:
        raise ConfigError(f"the wallet holds {held} units; it cannot show {units}")
    return _text("jscreserve", entries)


def check_reserve(pool: Pool, proof: str, text: str) -> Reserve:
    """What the proof shows about the pool as it is now. ProtocolError when it does not hold."""
    entries = _parts("jscreserve", proof, None)
    unspent = spent = 0
    seen: set[Affine] = set()
    for entry in entries[:_MAX_NOTES]:
        image, amount = _check_entry(pool, entry, text)
        if image in seen:
            raise ProtocolError("reserve proof counts a note twice")
        seen.add(image)
        if pool.spender(image) is None:
            unspent += amount
        else:
            spent += amount
    return Reserve(unspent, spent)


def _check_entry(pool: Pool, entry: Any, text: str) -> tuple[Affine, int]:
    try:
        index, amount, points, challenge, response = entry
        if not 16 <= index < pool.note_count or not 0 <= amount < 1 << 64 or len(points) != 128:
            raise ValueError
        words = [int.from_bytes(points[i : i + 32], "big") for i in range(0, 128, 32)]
        image = BN254.point(*words[:2])
        signature = Clsag(challenge, (response,), BN254.point(*words[2:]))
        message = _reserve_message(pool, text, index, amount)
        holds = clsag.verify(
            BN254,
            JscClsagTranscript(),
            message,
            _lone_ring(pool, index),
            commit(amount, 0),
            image,
            signature,
        )
    except (ValueError, TypeError):
        raise ProtocolError("reserve proof is malformed; ask for another") from None
    if not holds:
        raise ProtocolError(f"reserve proof does not hold for note {index}; was it made for another text?")
    return (words[0], words[1]), amount


def _lone_ring(pool: Pool, index: int) -> Ring[Jacobian]:
    member = pool.member(index)
    points = (member.key, member.commitment, member.base)
    key, commitment, base = (BN254.point(*point) for point in points)
    return Ring([key], [commitment], [base])


def _reserve_message(pool: Pool, text: str, index: int, amount: int) -> bytes:
    words = (pool.chain_id, int.from_bytes(pool.address, "big"), index, amount)
    return digest(_RESERVE, *(word.to_bytes(32, "big") for word in words), text.encode())


def _text(prefix: str, value: Any) -> str:
    return prefix + base58.b58encode_check(cbor2.dumps(value)).decode()


def _parts(prefix: str, text: str, count: int | None) -> list[Any]:
    try:
        value = cbor2.loads(base58.b58decode_check(text.removeprefix(prefix)))
        if not text.startswith(prefix) or not isinstance(value, list) or count not in (None, len(value)):
            raise ValueError
    except (ValueError, cbor2.CBORDecodeError):
        raise ProtocolError(f"proof is malformed; a {prefix} proof begins with {prefix}") from None
    return value
