"""The group G1 of bn254, whose additions and multiplications the EVM has as precompiles (EIP-196).

y^2 = x^3 + 3 over the field of P, prime order N, cofactor 1: every point on the curve is in the group.
Points are Jacobian triples of `gmpy2` integers; multiplications use the curve's endomorphism
(Gallant, Lambert, Vanstone, CRYPTO 2001).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from gmpy2 import invert, mpz, powmod

from p2pnode.errors import ProtocolError
from p2pnode.jsc.group import Group, wnaf

P: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""Modulus of the field of coordinates."""
N: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of the group, modulus of all scalars."""

Jacobian: TypeAlias = tuple[mpz, mpz, mpz]
Affine: TypeAlias = tuple[int, int]

_P: Final = mpz(P)
_SIGN: Final = 1 << 255
_ROOT_EXPONENT: Final = (P + 1) // 4
_BETA: Final = mpz(2203960485148121921418603742825762020974279258880205651966)
_LAMBDA: Final = 4407920970296243842393367215006156084916469457145843978461


def _short_vectors() -> tuple[tuple[int, int], tuple[int, int]]:
    """Two short (a, b) with a + b*lambda = 0 mod N (Guide to ECC, algorithm 3.74)."""
    rows = [(N, 0), (_LAMBDA, 1)]
    while rows[-1][0] * rows[-1][0] >= N:
        (r0, t0), (r1, t1) = rows[-2], rows[-1]
        rows.append((r0 % r1, t0 - r0 // r1 * t1))
    (r0, t0), (r1, t1) = rows[-2], rows[-1]
    return (r1, -t1), min((r0, -t0), (r0 % r1, -(t0 - r0 // r1 * t1)), key=lambda v: v[0] ** 2 + v[1] ** 2)


_V1, _V2 = _short_vectors()


def split(scalar: int) -> tuple[int, int]:
    """(a, b) of about 128 bits, with either sign, so that a + b*lambda = scalar mod N."""
    # The lattice's determinant is N or -N, depending on the order of its two vectors.
    det = _V1[0] * _V2[1] - _V2[0] * _V1[1]
    c1 = (2 * scalar * _V2[1] + det) // (2 * det)
    c2 = (-2 * scalar * _V1[1] + det) // (2 * det)
    return scalar - c1 * _V1[0] - c2 * _V2[0], -c1 * _V1[1] - c2 * _V2[1]


class Bn254(Group[Jacobian]):
    """G1 of bn254."""

    order = N
    identity: Jacobian = (mpz(1), mpz(1), mpz(0))
    generator: Jacobian = (mpz(1), mpz(2), mpz(1))

    def double(self, point: Jacobian) -> Jacobian:
        # dbl-2009-l of the Explicit-Formulas Database
        x, y, z = point
        a = x * x % _P
        b = y * y % _P
        c = b * b
        d = x + b
        d = (d * d - a - c) << 1
        e = a + a + a
        x3 = (e * e - d - d) % _P
        return x3, (e * (d - x3) - (c << 3)) % _P, (y * z << 1) % _P

    def add(self, left: Jacobian, right: Jacobian) -> Jacobian:
        x1, y1, z1 = left
        x2, y2, z2 = right
        if not z1:
            return right
        if not z2:
            return left
        if z2 == 1:
            zz1 = z1 * z1 % _P
            h = (x2 * zz1 - x1) % _P
            r = (y2 * z1 % _P * zz1 - y1) % _P
            u1, s1, z3 = x1, y1, z1 * h % _P
        else:
            zz1 = z1 * z1 % _P
            zz2 = z2 * z2 % _P
            u1 = x1 * zz2 % _P
            s1 = y1 * z2 % _P * zz2 % _P
            h = (x2 * zz1 - u1) % _P
            r = (y2 * z1 % _P * zz1 - s1) % _P
            z3 = z1 * z2 % _P * h % _P
        if not h:
            return self.double(left) if not r else self.identity
        hh = h * h % _P
        hhh = h * hh % _P
        v = u1 * hh
        x3 = (r * r - hhh - v - v) % _P
        return x3, (r * (v - x3) - s1 * hhh) % _P, z3

    def neg(self, point: Jacobian) -> Jacobian:
        return point[0], -point[1], point[2]

    def equal(self, left: Jacobian, right: Jacobian) -> bool:
        zz1, zz2 = left[2] * left[2] % _P, right[2] * right[2] % _P
        if not zz1 or not zz2:
            return bool(not zz1 and not zz2)
        same_x = (left[0] * zz2 - right[0] * zz1) % _P == 0
        return same_x and (left[1] * zz2 * right[2] - right[1] * zz1 * left[2]) % _P == 0

    def encode(self, points: Sequence[Jacobian]) -> bytes:
        """64 bytes a point: x, y big-endian, as Solidity packs them; zeros for the identity."""
        return b"".join(x.to_bytes(32, "big") + y.to_bytes(32, "big") for x, y in self.affine(points))

    def msm(self, scalars: Sequence[int], points: Sequence[Jacobian]) -> Jacobian:
        """As `Group.msm`, on scalars of half the length."""
        digits, tables = [], []
        for scalar, point in zip(scalars, points, strict=True):
            table = self._odd_multiples(point)
            image = [(x * _BETA % _P, y, z) for x, y, z in table]
            for part, multiples in zip(split(int(scalar) % N), (table, image), strict=True):
                digits.append(wnaf(part) if part >= 0 else [-digit for digit in wnaf(-part)])
                tables.append(multiples)
        return self._straus(digits, tables)

    def multiplier(self, scalar: int) -> Callable[[Jacobian], Jacobian]:
        """Multiplies many points by one scalar, whose digits are worked out once."""
        # Places in the multiples of the point, their negatives, the multiples of its image, their negatives.
        steps: list[list[int]] = []
        for part, first in zip(split(scalar % N), (0, 16), strict=True):
            for bit, digit in enumerate(wnaf(abs(part))):
                while len(steps) <= bit:
                    steps.append([])
                if digit:
                    negative = (digit < 0) != (part < 0)
                    steps[bit].append(first + 8 * negative + (abs(digit) >> 1))
        steps.reverse()

        def multiply(point: Jacobian) -> Jacobian:
            table = self._odd_multiples(point)
            table += [(x, -y, z) for x, y, z in table]
            table += [(x * _BETA % _P, y, z) for x, y, z in table]
            found, double, add = self.identity, self.double, self.add
            for places in steps:
                found = double(found)
                for place in places:
                    found = add(found, table[place])
            return found

        return multiply

    def affine(self, points: Sequence[Jacobian]) -> list[Affine]:
        """(x, y) of each point with one inversion; (0, 0) for the identity."""
        products = [mpz(1)]
        for _, _, z in points:
            products.append(products[-1] * (z or 1) % _P)
        inverse = invert(products[-1], _P)
        found: list[Affine] = []
        for (x, y, z), product in zip(reversed(points), reversed(products[:-1]), strict=True):
            z_inverse = inverse * product % _P
            inverse = inverse * (z or 1) % _P
            square = z_inverse * z_inverse % _P
            found.append((int(x * square % _P), int(y * square * z_inverse % _P)) if z else (0, 0))
        return found[::-1]

    def point(self, x: int, y: int) -> Jacobian:
        """The point with these coordinates. ProtocolError unless canonical and on the curve."""
        if not (0 <= x < P and 0 <= y < P) or (y * y - x * x * x - 3) % P:
            raise ProtocolError(f"point ({x:#x}, {y:#x}) is not on bn254; the sender must make it again")
        return mpz(x), mpz(y), mpz(1)


BN254: Final = Bn254()


def sqrt(square: int) -> int | None:
    """The even square root mod P, or None for a non-residue."""
    root = int(powmod(square, _ROOT_EXPONENT, P))
    if root * root % P != square % P:
        return None
    return P - root if root & 1 else root


def compress(point: Jacobian) -> bytes:
    """32 bytes: x, and in the top bit whether y is odd."""
    x, y = BN254.affine([point])[0]
    return (x | (_SIGN if y & 1 else 0)).to_bytes(32, "big")


def decompress(data: bytes) -> Jacobian:
    """The point of `compress`. ProtocolError when there is none."""
    word = int.from_bytes(data, "big")
    x, odd = word & (_SIGN - 1), word >= _SIGN
    y = sqrt(x**3 + 3) if len(data) == 32 and x < P else None
    if y is None:
        raise ProtocolError(f"point {data.hex():.64} is not on bn254; the sender must make it again")
    return mpz(x), mpz(P - y if odd else y), mpz(1)


def total(points: Iterable[Jacobian]) -> Jacobian:
    """Sum of points."""
    found = BN254.identity
    for point in points:
        found = BN254.add(found, point)
    return found
