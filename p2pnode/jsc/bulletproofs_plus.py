"""Bulletproofs+ (Chung, Han, Ju, Kim, Seo, eprint 2020/735), aggregated, generic over group and transcript.

A proof shows that each commitment V_j = mask_j*G + amount_j*H hides an amount of `bits` bits. Names follow
the paper's section 4 (weighted inner product) and Monero's code; scalars are of the group's order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from p2pnode.jsc.group import Group, Point

Hashed = TypeVar("Hashed", contravariant=True)


@dataclass(frozen=True, slots=True)
class Bases(Generic[Point]):
    """H of amounts (G is the group's generator), and the two vectors."""

    value: Point
    left: Sequence[Point]
    right: Sequence[Point]


@dataclass(frozen=True, slots=True)
class RangeProof(Generic[Point]):
    """`left` and `right` are the L and R of each round; r1, s1, d1 the final scalars."""

    a: Point
    a1: Point
    b: Point
    left: tuple[Point, ...]
    right: tuple[Point, ...]
    r1: int
    s1: int
    d1: int


class RangeTranscript(Protocol[Hashed]):
    """How a system hashes. One object serves one proof; every answer is a non-zero scalar or ValueError."""

    def statement(self, commitments: Sequence[Hashed]) -> None:
        """Begin with what is to be shown."""

    def challenge(self, *points: Hashed) -> int:
        """Absorb points, get a scalar."""

    def next(self) -> int:
        """One more scalar with nothing absorbed."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """The numbers that prover and verifier share: M*N padded, y and its powers, d."""

    size: int
    z: int
    y: int
    powers: Sequence[int]
    """y^0 to y^(size + 1)"""
    d: Sequence[int]
    """z^(2(j+1)) * 2^i at j*bits + i"""


def _setting(order: int, bits: int, count: int, y: int, z: int) -> _Setting:
    size = bits << (count - 1).bit_length()
    powers = [1]
    for _ in range(size + 1):
        powers.append(powers[-1] * y % order)
    d = [pow(z, 2 * (j + 1), order) * (1 << i) % order for j in range(size // bits) for i in range(bits)]
    return _Setting(size, z, y, powers, d)


def prove(
    group: Group[Point],
    transcript: RangeTranscript[Point],
    bases: Bases[Point],
    bits: int,
    openings: Sequence[tuple[int, int]],
    random_scalar: Callable[[], int],
) -> RangeProof[Point]:
    """A proof for `openings`, pairs (amount, mask). ValueError for an amount out of range."""
    n = group.order
    if not openings or any(not 0 <= amount < 1 << bits for amount, _ in openings):
        raise ValueError(f"amounts must be of {bits} bits, and at least one")
    base, value = group.generator, bases.value
    transcript.statement([group.msm((mask, amount), (base, value)) for amount, mask in openings])
    padded = bits << (len(openings) - 1).bit_length()
    a_vec = [amount >> i & 1 for amount, _ in openings for i in range(bits)]
    a_vec += [0] * (padded - len(a_vec))
    alpha = random_scalar()
    a = group.mul(alpha, base)
    for bit, left_base, right_base in zip(a_vec, bases.left, bases.right, strict=False):
        a = group.add(a, left_base if bit else group.neg(right_base))
    y = transcript.challenge(a)
    setting = _setting(n, bits, len(openings), y, transcript.next())
    size, z, powers = setting.size, setting.z, setting.powers
    b_vec = [
        (bit - 1 + z + setting.d[i] * powers[size - i]) % n for i, bit in enumerate(a_vec)
    ]  # a_R + z + d_i y^(MN - i), with a_R = a_L - 1
    a_vec = [(bit - z) % n for bit in a_vec]
    for j, (_, mask) in enumerate(openings):
        alpha += pow(z, 2 * (j + 1), n) * powers[size + 1] * mask

    left_bases, right_bases = list(bases.left[:size]), list(bases.right[:size])
    y_inverse = pow(y, -1, n)
    lefts, rights = [], []
    while size > 1:
        size //= 2
        y_half, y_half_inverse = powers[size], pow(y_inverse, size, n)
        a_low, a_high, b_low, b_high = a_vec[:size], a_vec[size:], b_vec[:size], b_vec[size:]
        g_low, g_high = left_bases[:size], left_bases[size:]
        h_low, h_high = right_bases[:size], right_bases[size:]
        c_left = sum(p * a * b for p, a, b in zip(powers[1:], a_low, b_high, strict=False)) % n
        c_right = y_half * sum(p * a * b for p, a, b in zip(powers[1:], a_high, b_low, strict=False)) % n
        d_left, d_right = random_scalar(), random_scalar()
        lefts.append(
            group.msm(
                [*(a * y_half_inverse for a in a_low), *b_high, c_left, d_left],
                [*g_high, *h_low, value, base],
            )
        )
        rights.append(
            group.msm(
                [*(a * y_half for a in a_high), *b_low, c_right, d_right],
                [*g_low, *h_high, value, base],
            )
        )
        x = transcript.challenge(lefts[-1], rights[-1])
        x_inverse = pow(x, -1, n)
        fold = (x_inverse, x * y_half_inverse % n)
        left_bases = [group.msm(fold, pair) for pair in zip(g_low, g_high, strict=True)]
        right_bases = [group.msm((x, x_inverse), pair) for pair in zip(h_low, h_high, strict=True)]
        a_vec = [(x * a + x_inverse * y_half * b) % n for a, b in zip(a_low, a_high, strict=True)]
        b_vec = [(x_inverse * a + x * b) % n for a, b in zip(b_low, b_high, strict=True)]
        alpha += d_left * x * x + d_right * x_inverse * x_inverse

    r, s, delta, eta = (random_scalar() for _ in range(4))
    (a_last,), (b_last,) = a_vec, b_vec
    a1 = group.msm((r, s, delta, y * (r * b_last + s * a_last)), (left_bases[0], right_bases[0], base, value))
    b = group.msm((eta, y * r * s), (base, value))
    e = transcript.challenge(a1, b)
    return RangeProof(
        a,
        a1,
        b,
        tuple(lefts),
        tuple(rights),
        (r + a_last * e) % n,
        (s + b_last * e) % n,
        (eta + delta * e + alpha * e * e) % n,
    )


def verify(
    group: Group[Point],
    transcript: RangeTranscript[Point],
    bases: Bases[Point],
    bits: int,
    commitments: Sequence[Point],
    proof: RangeProof[Point],
) -> bool:
    """Whether the proof holds. Points must be in the group already; scalars are checked here."""
    n, count = group.order, len(commitments)
    if not count or not all(0 <= scalar < n for scalar in (proof.r1, proof.s1, proof.d1)):
        return False
    size = bits << (count - 1).bit_length()
    rounds = size.bit_length() - 1
    if len(proof.left) != rounds or len(proof.right) != rounds or len(bases.left) < size:
        return False
    try:
        transcript.statement(commitments)
        y = transcript.challenge(proof.a)
        z = transcript.next()
        xs = [transcript.challenge(*pair) for pair in zip(proof.left, proof.right, strict=True)]
        e = transcript.challenge(proof.a1, proof.b)
    except ValueError:
        return False
    setting = _setting(n, bits, count, y, z)
    powers, square = setting.powers, e * e % n
    inverses = [pow(x, -1, n) for x in xs]
    y_inverse = pow(y, -1, n)
    products = [1]
    for x, inverse in zip(xs, inverses, strict=True):
        # The first challenge belongs to the highest bit of the index.
        products = [product * factor % n for product in products for factor in (inverse, x)]
    y_sum = sum(powers[1 : size + 1]) % n
    scalars = [square, e, 1, -proof.d1, -proof.r1 * proof.s1 * y]
    scalars[4] += square * ((z - z * z) * y_sum - z * powers[size + 1] * sum(setting.d))
    points = [proof.a, proof.a1, proof.b, group.generator, bases.value]
    for j, commitment in enumerate(commitments):
        scalars.append(square * pow(z, 2 * (j + 1), n) * powers[size + 1])
        points.append(commitment)
    for x, inverse, left, right in zip(xs, inverses, proof.left, proof.right, strict=True):
        scalars += [square * x * x, square * inverse * inverse]
        points += [left, right]
    y_power = 1
    for i in range(size):
        scalars.append(-square * z - proof.r1 * e * y_power * products[i])
        points.append(bases.left[i])
        scalars.append(square * (z + setting.d[i] * powers[size - i]) - proof.s1 * e * products[size - 1 - i])
        points.append(bases.right[i])
        y_power = y_power * y_inverse % n
    return group.is_identity(group.msm([scalar % n for scalar in scalars], points))
