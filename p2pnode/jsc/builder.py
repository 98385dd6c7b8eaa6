"""From what is to be paid to a signed transaction.

A `Plan` holds everything but the spend key, so that it can be made by a view-only wallet and signed by one
that has never been online.
"""

import secrets
from dataclasses import dataclass, replace

from p2pnode.errors import ProtocolError
from p2pnode.jsc import bulletproofs_plus, clsag
from p2pnode.jsc.bn254 import BN254, Jacobian, N, total
from p2pnode.jsc.bulletproofs_plus import Bases
from p2pnode.jsc.generators import BITS, H, commit, vectors
from p2pnode.jsc.notes import Payee, StealthNote, context, make
from p2pnode.jsc.transaction import (
    MAX_NOTES,
    MIN_OUTPUTS,
    BinRing,
    Input,
    Payment,
    Transaction,
    decode_range_proof,
    encode_range_proof,
)
from p2pnode.jsc.transcripts import JscClsagTranscript, JscRangeTranscript


@dataclass(frozen=True, slots=True)
class Source:
    """A note to be spent: `ring.members[place]`, whose secret key is `offset` + b."""

    index: int
    ring: BinRing
    place: int
    offset: int
    amount: int
    mask: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction before it is signed. Amounts of `sources` equal those of `payees` and `payment`."""

    chain_id: int
    pool: bytes
    sources: tuple[Source, ...]
    payees: tuple[Payee, ...]
    payment: Payment


@dataclass(frozen=True, slots=True)
class Built:
    """A signed transaction and, for proofs of payment, each output's payee and anchor, in its order."""

    transaction: Transaction
    payees: tuple[Payee, ...]
    anchors: tuple[bytes, ...]


def random_scalar() -> int:
    """Uniform in 1 to N - 1."""
    return secrets.randbelow(N - 1) + 1


def bases() -> Bases[Jacobian]:
    """The generators of JSC's range proofs."""
    return Bases(H, *vectors())


def build(plan: Plan, spend: int, outgoing: bytes | None) -> Built:
    """Sign `plan` with the spend key b. Outputs come in random order, so that change has no place."""
    _check(plan)
    sources, keys = plan.sources, [(source.offset + spend) % N for source in plan.sources]
    rings = [source.ring.points() for source in sources]
    images = BN254.affine(
        [BN254.mul(key, ring.bases[s.place]) for key, ring, s in zip(keys, rings, sources, strict=True)]
    )
    payees = list(plan.payees)
    secrets.SystemRandom().shuffle(payees)
    tied = context(plan.chain_id, plan.pool, images[0])
    notes: list[StealthNote] = []
    masks: list[int] = []
    anchors: list[bytes] = []
    for place, payee in enumerate(payees):
        note, mask, anchor = make(payee, tied + bytes([place]), outgoing)
        notes.append(note)
        masks.append(mask)
        anchors.append(anchor)
    openings = [(payee.amount, mask) for payee, mask in zip(payees, masks, strict=True)]
    proof = bulletproofs_plus.prove(BN254, JscRangeTranscript(), bases(), BITS, openings, random_scalar)
    pseudo_masks = [random_scalar() for _ in sources[1:]]
    pseudo_masks.append((sum(masks) - sum(pseudo_masks)) % N)
    pseudo_outs = [commit(s.amount, mask) for s, mask in zip(sources, pseudo_masks, strict=True)]
    inputs = tuple(
        Input(source.ring, image, pseudo_out)
        for source, image, pseudo_out in zip(sources, images, BN254.affine(pseudo_outs), strict=True)
    )
    commitments = tuple(BN254.affine([commit(*opening) for opening in openings]))
    transaction = Transaction(inputs, tuple(notes), commitments, encode_range_proof(proof), plan.payment)
    message = transaction.message(plan.chain_id, plan.pool)
    signed = []
    for spent, source, ring, key, pseudo_out, mask in zip(
        inputs, sources, rings, keys, pseudo_outs, pseudo_masks, strict=True
    ):
        secret = (source.place, key, (source.mask - mask) % N)
        signature, _ = clsag.sign(
            BN254, JscClsagTranscript(), message, ring, pseudo_out, secret, random_scalar
        )
        signed.append(replace(spent, signature=signature))
    return Built(replace(transaction, inputs=tuple(signed)), tuple(payees), tuple(anchors))


def verify(transaction: Transaction, chain_id: int, pool: bytes) -> bool:
    """Whether the pool would accept the mathematics: balance, ring signatures, range proof."""
    try:
        return _verify(transaction, transaction.message(chain_id, pool))
    except (ProtocolError, ValueError):
        return False


def _verify(transaction: Transaction, message: bytes) -> bool:
    commitments = [BN254.point(*commitment) for commitment in transaction.commitments]
    payment = transaction.payment
    spent = [BN254.point(*one.pseudo_out) for one in transaction.inputs]
    made = [*commitments, BN254.mul(payment.fee + payment.amount, H)]
    if not BN254.equal(total(spent), total(made)):
        return False
    for one, pseudo_out in zip(transaction.inputs, spent, strict=True):
        if one.signature is None or not clsag.verify(
            BN254,
            JscClsagTranscript(),
            message,
            one.ring.points(),
            pseudo_out,
            BN254.point(*one.image),
            one.signature,
        ):
            return False
    proof = decode_range_proof(transaction.range_proof)
    return bulletproofs_plus.verify(BN254, JscRangeTranscript(), bases(), BITS, commitments, proof)


def _check(plan: Plan) -> None:
    if not 1 <= len(plan.sources) <= MAX_NOTES or not MIN_OUTPUTS <= len(plan.payees) <= MAX_NOTES:
        raise ProtocolError(
            f"{len(plan.sources)} inputs and {len(plan.payees)} outputs; "
            f"a transaction has 1 to {MAX_NOTES} and {MIN_OUTPUTS} to {MAX_NOTES}: split the payment"
        )
    spent = sum(source.amount for source in plan.sources)
    made = sum(payee.amount for payee in plan.payees) + plan.payment.fee + plan.payment.amount
    if spent != made:
        raise ProtocolError(f"inputs hold {spent} units and {made} leave; they must be equal")
