"""Bulletproofs+ on bn254, beside the vectors of test_monero_data.py: which amounts can be proved at all."""

import secrets
from dataclasses import replace

import pytest

from p2pnode.jsc import bulletproofs_plus
from p2pnode.jsc.bn254 import BN254, Jacobian, N
from p2pnode.jsc.builder import bases, random_scalar
from p2pnode.jsc.bulletproofs_plus import RangeProof
from p2pnode.jsc.generators import commit
from p2pnode.jsc.transcripts import JscRangeTranscript

MAX = (1 << 64) - 1


class Lenient(JscRangeTranscript):
    """The transcript as the prover of a false statement would like it: for commitments of its choice."""

    def __init__(self, commitments: list[Jacobian]) -> None:
        super().__init__()
        self._claimed = commitments

    def statement(self, commitments: object) -> None:
        super().statement(self._claimed)


def prove(
    openings: list[tuple[int, int]], transcript: JscRangeTranscript | None = None, bits: int = 64
) -> RangeProof[Jacobian]:
    transcript = transcript or JscRangeTranscript()
    return bulletproofs_plus.prove(BN254, transcript, bases(), bits, openings, random_scalar)


def holds(commitments: list[Jacobian], proof: RangeProof[Jacobian]) -> bool:
    return bulletproofs_plus.verify(BN254, JscRangeTranscript(), bases(), 64, commitments, proof)


@pytest.mark.parametrize("amounts", [[0], [MAX], [0, 0], [MAX, 0], [1, MAX, 1 << 63], [0, 1, 2, 3]], ids=repr)
def test_amounts_of_64_bits_are_proved(amounts: list[int]) -> None:
    openings = [(amount, random_scalar()) for amount in amounts]
    assert holds([commit(*opening) for opening in openings], prove(openings))


@pytest.mark.parametrize("amount", [-1, 1 << 64, N - 1, 1 << 128])
def test_the_prover_refuses_other_amounts(amount: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        prove([(amount, 1)])
    with pytest.raises(ValueError, match="at least one"):
        prove([])


@pytest.mark.parametrize("amount", [-1, 1 << 64, N - 1], ids=["-1", "2^64", "n - 1"])
def test_a_forger_does_not_get_other_amounts_through(amount: int) -> None:
    """The forger runs the prover's code on the low 64 bits, for a commitment to all of the amount."""
    mask = random_scalar()
    claimed = [commit(amount % N, mask), commit(0, 5)]
    forged = prove([(amount % (1 << 64), mask), (0, 5)], Lenient(claimed))
    assert not holds(claimed, forged)


def test_a_proof_of_fewer_or_more_bits_is_refused() -> None:
    openings = [(7, 3), (9, 4)]
    commitments = [commit(*opening) for opening in openings]
    for bits in (32, 128):
        assert not holds(commitments, prove(openings, bits=bits))


def test_a_proof_is_for_its_commitments_in_their_order() -> None:
    openings = [(7, 3), (9, 4)]
    commitments = [commit(*opening) for opening in openings]
    proof = prove(openings)
    assert holds(commitments, proof)
    assert not holds(commitments[::-1], proof)
    assert not holds(commitments[:1], proof)
    assert not holds([*commitments, commitments[0]], proof)
    assert not holds([], proof)


@pytest.mark.parametrize("field", ["r1", "s1", "d1"])
def test_scalars_must_be_reduced(field: str) -> None:
    openings = [(7, 3), (9, 4)]
    proof = prove(openings)
    unreduced = replace(proof, **{field: getattr(proof, field) + N})
    assert not holds([commit(*opening) for opening in openings], unreduced)


def test_every_challenge_depends_on_everything_before_it() -> None:
    """10, the "frozen heart": change any point and all later challenges change."""
    points = [BN254.mul(secrets.randbelow(N), BN254.generator) for _ in range(8)]

    def challenges(*changed: int) -> list[int]:
        used = [BN254.double(p) if i in changed else p for i, p in enumerate(points)]
        transcript = JscRangeTranscript()
        transcript.statement(used[:2])
        found = [transcript.challenge(used[2]), transcript.next()]
        found += [transcript.challenge(*used[3:5]), transcript.challenge(*used[5:7])]
        return found

    genuine = challenges()
    for place, first in ((0, 0), (1, 0), (2, 0), (3, 2), (4, 2), (5, 3), (6, 3)):
        altered = challenges(place)
        assert altered[:first] == genuine[:first]
        assert all(a != b for a, b in zip(altered[first:], genuine[first:], strict=True))
    shorter = JscRangeTranscript()
    shorter.statement(points[:1])
    assert shorter.challenge(points[2]) != genuine[0]
