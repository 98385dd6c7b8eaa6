"""A transaction as the pool takes it, its message, and the order of its words in Solidity.

The layout follows contracts/contracts/jsc/types/Transaction.sol; all points are affine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from eth_utils.crypto import keccak

from p2pnode.jsc.bn254 import BN254, Affine, Jacobian
from p2pnode.jsc.bulletproofs_plus import RangeProof
from p2pnode.jsc.clsag import Clsag, Ring
from p2pnode.jsc.hashing import digest, domain
from p2pnode.jsc.notes import StealthNote

BIN: Final = 4
"""Notes of a bin, and bins of a ring."""
RING: Final = 16
MAX_NOTES: Final = 4
MIN_OUTPUTS: Final = 2
_TRANSACTION: Final = domain("transaction")

AbiValue: TypeAlias = Any
"""Nested tuples and lists as an ABI encoder takes them."""


@dataclass(frozen=True, slots=True)
class Member:
    """A note of the pool: P, C, Hp(P)."""

    key: Affine
    commitment: Affine
    base: Affine


@dataclass(frozen=True, slots=True)
class BinRing:
    """Four whole bins: their numbers, the blocks that completed them, and their 16 notes in order."""

    bins: tuple[int, ...]
    completed_at: tuple[int, ...]
    members: tuple[Member, ...]

    def points(self) -> Ring[Jacobian]:
        """The ring as signatures take it. ProtocolError when a point is not on the curve."""
        members = self.members
        return Ring(
            [BN254.point(*member.key) for member in members],
            [BN254.point(*member.commitment) for member in members],
            [BN254.point(*member.base) for member in members],
        )


@dataclass(frozen=True, slots=True)
class Payment:
    """What leaves in public; units, 20-byte addresses, seconds UTC."""

    fee: int
    relayer: bytes
    amount: int
    recipient: bytes
    to_escrow: bool
    deadline: int


@dataclass(frozen=True, slots=True)
class Input:
    """One spent note; `signature` is None until it is signed."""

    ring: BinRing
    image: Affine
    pseudo_out: Affine
    signature: Clsag[Jacobian] | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """See the contract's struct of this name."""

    inputs: tuple[Input, ...]
    outputs: tuple[StealthNote, ...]
    commitments: tuple[Affine, ...]
    range_proof: bytes
    payment: Payment

    def message(self, chain_id: int, pool: bytes) -> bytes:
        """What the signatures sign, as `JSC.messageOf` computes it."""
        chained = bytes(32)
        for spent in self.inputs:
            ring = spent.ring
            words = (*ring.bins, *ring.completed_at, *spent.image, *spent.pseudo_out)
            chained = keccak(chained + _words(words))
        for output, commitment in zip(self.outputs, self.commitments, strict=True):
            hashes = keccak(_words(output.roots)) + keccak(output.memo)
            chained = keccak(chained + _words((*output.key, *commitment)) + hashes)
        payment = self.payment
        return digest(
            _TRANSACTION,
            _words((chain_id, int.from_bytes(pool, "big"), len(self.inputs), len(self.outputs))),
            chained,
            keccak(self.range_proof),
            _words(
                (
                    payment.fee,
                    int.from_bytes(payment.relayer, "big"),
                    payment.amount,
                    int.from_bytes(payment.recipient, "big"),
                    payment.to_escrow,
                    payment.deadline,
                )
            ),
        )

    def abi(self) -> AbiValue:
        """The argument of `JSC.transact`. ValueError when an input is not signed."""
        payment = self.payment
        return (
            [_input(spent) for spent in self.inputs],
            [note_abi(output) for output in self.outputs],
            list(self.commitments),
            self.range_proof,
            (
                payment.fee,
                payment.relayer,
                payment.amount,
                payment.recipient,
                payment.to_escrow,
                payment.deadline,
            ),
        )


def note_abi(note: StealthNote) -> AbiValue:
    """The struct StealthNote."""
    return (note.key, list(note.roots), note.memo)


def encode_range_proof(proof: RangeProof[Jacobian]) -> bytes:
    """A, A1, B, then L and R of each round, 64 bytes each, then r1, s1, d1."""
    rounds = [point for pair in zip(proof.left, proof.right, strict=True) for point in pair]
    return BN254.encode([proof.a, proof.a1, proof.b, *rounds]) + _words((proof.r1, proof.s1, proof.d1))


def decode_range_proof(data: bytes) -> RangeProof[Jacobian]:
    """Of `encode_range_proof`. ValueError or ProtocolError for anything else."""
    if len(data) % 64 != 32 or len(data) < 288:
        raise ValueError(f"range proof of {len(data)} bytes")
    words = [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
    points = [BN254.point(x, y) for x, y in zip(words[:-3:2], words[1:-3:2], strict=True)]
    a, a1, b, *rounds = points
    return RangeProof(a, a1, b, tuple(rounds[::2]), tuple(rounds[1::2]), *words[-3:])


def _input(spent: Input) -> AbiValue:
    if spent.signature is None:
        raise ValueError("input is not signed")
    ring, signature = spent.ring, spent.signature
    return (
        list(ring.bins),
        list(ring.completed_at),
        [(member.key, member.commitment, member.base) for member in ring.members],
        spent.image,
        spent.pseudo_out,
        BN254.affine([signature.commitment_image])[0],
        signature.challenge,
        list(signature.responses),
    )


def _words(values: Sequence[int]) -> bytes:
    return b"".join(int(value).to_bytes(32, "big") for value in values)
