"""CLSAG, the linkable ring signature of Monero (Goodell, Noether, RandomRun, "Concise Linkable Ring
Signatures and Forgery Against Adversarial Keys", eprint 2019/654), generic over group and transcript.

A signature shows that its maker knows, for one member i of the ring, p with P_i = p*G and z with
C_i - C' = z*G, and that the key image is p*Hp(P_i).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

from p2pnode.jsc.group import Group, Point


@dataclass(frozen=True, slots=True)
class Ring(Generic[Point]):
    """Keys P, commitments C and bases Hp(P) of the members, in the same order."""

    keys: Sequence[Point]
    commitments: Sequence[Point]
    bases: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Clsag(Generic[Point]):
    """The first challenge, one response a member, and D = z*Hp(P), the image of the commitment's key."""

    challenge: int
    responses: tuple[int, ...]
    commitment_image: Point


class ClsagTranscript(Protocol[Point]):
    """How a system hashes: all results are scalars of the group."""

    def aggregation(
        self, ring: Ring[Point], image: Point, commitment_image: Point, pseudo_out: Point
    ) -> tuple[int, int]:
        """mu_P and mu_C."""

    def rounds(
        self, ring: Ring[Point], image: Point, commitment_image: Point, pseudo_out: Point, message: bytes
    ) -> Callable[[Point, Point], int]:
        """The challenge that follows a member's L and R."""


def sign(
    group: Group[Point],
    transcript: ClsagTranscript[Point],
    message: bytes,
    ring: Ring[Point],
    pseudo_out: Point,
    secret: tuple[int, int, int],
    random_scalar: Callable[[], int],
) -> tuple[Clsag[Point], Point]:
    """The signature and the key image; `secret` is (index of the member, p, z).

    `random_scalar` must draw uniform scalars from a secure source: a repeated nonce gives the key away.
    """
    index, key, blinding = secret
    size = len(ring.keys)
    image = group.mul(key, ring.bases[index])
    commitment_image = group.mul(blinding, ring.bases[index])
    mu_key, mu_commitment = transcript.aggregation(ring, image, commitment_image, pseudo_out)
    following = transcript.rounds(ring, image, commitment_image, pseudo_out, message)

    nonce = random_scalar()
    challenge = following(group.mul(nonce, group.generator), group.mul(nonce, ring.bases[index]))
    responses = [0] * size
    first = challenge
    for step in range(1, size):
        member = (index + step) % size
        if member == 0:
            first = challenge
        responses[member] = random_scalar()
        weights = (challenge * mu_key % group.order, challenge * mu_commitment % group.order)
        challenge = following(
            *_points(group, ring, member, responses[member], weights, (image, commitment_image, pseudo_out))
        )
    if index == 0:
        first = challenge
    responses[index] = (nonce - challenge * (mu_key * key + mu_commitment * blinding)) % group.order
    return Clsag(first, tuple(responses), commitment_image), image


def verify(
    group: Group[Point],
    transcript: ClsagTranscript[Point],
    message: bytes,
    ring: Ring[Point],
    pseudo_out: Point,
    image: Point,
    signature: Clsag[Point],
) -> bool:
    """Whether the signature holds. Points must be in the group already; scalars are checked here."""
    size = len(ring.keys)
    if not size or len(ring.commitments) != size or len(ring.bases) != size:
        return False
    if len(signature.responses) != size:
        return False
    if not all(0 <= scalar < group.order for scalar in (signature.challenge, *signature.responses)):
        return False
    if group.is_identity(image) or group.is_identity(signature.commitment_image):
        return False
    mu_key, mu_commitment = transcript.aggregation(ring, image, signature.commitment_image, pseudo_out)
    following = transcript.rounds(ring, image, signature.commitment_image, pseudo_out, message)
    challenge = signature.challenge
    fixed = (image, signature.commitment_image, pseudo_out)
    for member, response in enumerate(signature.responses):
        weights = (challenge * mu_key % group.order, challenge * mu_commitment % group.order)
        challenge = following(*_points(group, ring, member, response, weights, fixed))
        if not challenge:
            return False
    return challenge == signature.challenge


def _points(
    group: Group[Point],
    ring: Ring[Point],
    member: int,
    response: int,
    weights: tuple[int, int],
    fixed: tuple[Point, Point, Point],
) -> tuple[Point, Point]:
    """L = s*G + c*mu_P*P + c*mu_C*(C - C') and R = s*Hp(P) + c*mu_P*I + c*mu_C*D of one member."""
    image, commitment_image, pseudo_out = fixed
    scalars = (response, *weights)
    difference = group.sub(ring.commitments[member], pseudo_out)
    left = group.msm(scalars, (group.generator, ring.keys[member], difference))
    return left, group.msm(scalars, (ring.bases[member], image, commitment_image))
