"""The prime-order subgroup of edwards25519 and Monero's hash to it, to check JSC's proofs on Monero's data.

Sources: RFC 8032 section 5.1; Monero src/crypto/crypto-ops.c `ge_fromfe_frombytes_vartime`.
"""

from collections.abc import Sequence
from typing import TypeAlias

from eth_utils.crypto import keccak
from gmpy2 import invert, mpz, powmod

from p2pnode.jsc.group import Group

P = 2**255 - 19
Q = mpz(P)
L = 2**252 + 27742317777372353535851937790883648493
# As mpz: for its types an int with an mpz could be a complex number.
ONE, TWO = mpz(1), mpz(2)
D = mpz(-121665) * invert(121666, Q) % Q
A = mpz(486662)
INVERSE_OF_8 = pow(8, -1, L)

Extended: TypeAlias = tuple[mpz, mpz, mpz, mpz]


class Ed25519(Group[Extended]):
    """Extended coordinates (Hisil et al. 2008)."""

    order = L
    identity: Extended = (mpz(0), mpz(1), mpz(1), mpz(0))

    def __init__(self) -> None:
        self.generator = decode(bytes([0x58]) + bytes([0x66]) * 31)

    def add(self, left: Extended, right: Extended) -> Extended:
        x1, y1, z1, t1 = left
        x2, y2, z2, t2 = right
        a, b = (y1 - x1) * (y2 - x2) % Q, (y1 + x1) * (y2 + x2) % Q
        c, d = TWO * D * t1 % Q * t2 % Q, TWO * z1 * z2 % Q
        e, f, g, h = b - a, d - c, d + c, b + a
        return e * f % Q, g * h % Q, f * g % Q, e * h % Q

    def double(self, point: Extended) -> Extended:
        return self.add(point, point)

    def neg(self, point: Extended) -> Extended:
        x, y, z, t = point
        return -x % Q, y, z, -t % Q

    def equal(self, left: Extended, right: Extended) -> bool:
        return (left[0] * right[2] - right[0] * left[2]) % Q == 0 and (
            left[1] * right[2] - right[1] * left[2]
        ) % Q == 0

    def encode(self, points: Sequence[Extended]) -> bytes:
        return b"".join(map(encode, points))


def encode(point: Extended) -> bytes:
    inverse = invert(point[2], Q)
    x, y = point[0] * inverse % Q, point[1] * inverse % Q
    return (int(y) | (int(x & 1) << 255)).to_bytes(32, "little")


def decode(data: bytes) -> Extended:
    """Any point of the curve; ValueError when there is none."""
    word = int.from_bytes(data, "little")
    y, sign = mpz(word & ((1 << 255) - 1)), word >> 255
    point = _from_y(y, sign) if y < Q else None
    if point is None:
        raise ValueError("not a point")
    return point


def _from_y(y: mpz, sign: int) -> Extended | None:
    square = (y * y - ONE) * invert(D * y * y + ONE, Q) % Q
    x = powmod(square, (P + 3) // 8, Q)
    if x * x % Q != square:
        x = x * powmod(2, (P - 1) // 4, Q) % Q
    if x * x % Q != square:
        return None
    if x & 1 != sign:
        x = -x % Q
    return x, y, mpz(1), x * y % Q


def hash_to_point(data: bytes) -> Extended:
    """Monero's `hash_to_p3`: Elligator 2 of the Keccak of `data`, times 8."""
    u = mpz(int.from_bytes(keccak(data), "little") & ((1 << 256) - 1)) % Q
    w = (TWO * u * u + ONE) % Q
    for numerator, sign in ((-A, 1), (-TWO * A * u * u, 0)):
        x = numerator * invert(w, Q) % Q
        point = _from_y((x - ONE) * invert(x + ONE, Q) % Q, sign)
        if point is not None:
            return ED25519.mul(8, point)
    raise AssertionError("one of the two is on the curve")


ED25519 = Ed25519()
