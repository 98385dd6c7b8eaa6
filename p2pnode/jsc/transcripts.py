"""How JSC hashes on bn254: the transcripts of its ring signatures and range proofs, as the contracts do.

Each challenge depends on everything before it: the statement, the generators, every point of the proof.
"""

from collections.abc import Callable, Sequence
from typing import Final

from p2pnode.jsc.bn254 import BN254, Jacobian, N
from p2pnode.jsc.clsag import Ring
from p2pnode.jsc.generators import BITS, generators_digest
from p2pnode.jsc.hashing import digest, domain, scalar

CLSAG_RING: Final = domain("clsag/ring")
CLSAG_KEY: Final = domain("clsag/aggregate/key")
CLSAG_COMMITMENT: Final = domain("clsag/aggregate/commitment")
CLSAG_ROUND: Final = domain("clsag/round")
RANGE: Final = domain("bulletproofs+")


class JscClsagTranscript:
    """`clsag.ClsagTranscript` of JSC: the ring is hashed once, and its digest in every round."""

    def aggregation(
        self, ring: Ring[Jacobian], image: Jacobian, commitment_image: Jacobian, pseudo_out: Jacobian
    ) -> tuple[int, int]:
        hashed = _ring_digest(ring, image, commitment_image, pseudo_out)
        return scalar(CLSAG_KEY, hashed), scalar(CLSAG_COMMITMENT, hashed)

    def rounds(
        self,
        ring: Ring[Jacobian],
        image: Jacobian,
        commitment_image: Jacobian,
        pseudo_out: Jacobian,
        message: bytes,
    ) -> Callable[[Jacobian, Jacobian], int]:
        prefix = _ring_digest(ring, image, commitment_image, pseudo_out) + message

        def challenge(left: Jacobian, right: Jacobian) -> int:
            return scalar(CLSAG_ROUND, prefix, BN254.encode([left, right]))

        return challenge


def _ring_digest(ring: Ring[Jacobian], *fixed: Jacobian) -> bytes:
    members = [p for member in zip(ring.keys, ring.commitments, ring.bases, strict=True) for p in member]
    return digest(CLSAG_RING, BN254.encode([*members, *fixed]))


class JscRangeTranscript:
    """`bulletproofs_plus.RangeTranscript` of JSC."""

    def __init__(self) -> None:
        self._state = bytes(32)

    def statement(self, commitments: Sequence[Jacobian]) -> None:
        shape = BITS.to_bytes(32, "big") + len(commitments).to_bytes(32, "big")
        self._state = digest(RANGE, generators_digest(), shape, BN254.encode(commitments))

    def challenge(self, *points: Jacobian) -> int:
        self._state = digest(self._state, BN254.encode(points))
        return self._scalar()

    def next(self) -> int:
        self._state = digest(self._state)
        return self._scalar()

    def _scalar(self) -> int:
        found = int.from_bytes(self._state, "big") % N
        if not found:
            raise ValueError("challenge is zero")
        return found
