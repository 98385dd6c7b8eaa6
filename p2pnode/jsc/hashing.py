"""Keccak-256 with a domain, and hash to curve by try and increment.

Every hash begins with the 32 bytes of its domain, so that no input of one purpose is an input of another.
"""

from typing import Final

from eth_utils.crypto import keccak
from gmpy2 import mpz

from p2pnode.jsc.bn254 import BN254, Jacobian, N, P, sqrt


def domain(name: str) -> bytes:
    """The 32 bytes that stand before everything hashed for one purpose."""
    return keccak(f"JSC/v1/{name}".encode())


KEY_IMAGE_BASE: Final = domain("key-image-base")


def digest(prefix: bytes, *parts: bytes) -> bytes:
    """Keccak-256 of a domain and the parts; callers keep the parts' lengths fixed."""
    return keccak(b"".join((prefix, *parts)))


def scalar(prefix: bytes, *parts: bytes) -> int:
    """A scalar below N, biased by less than 2^-2 of its size: for challenges, not for nonces."""
    return int.from_bytes(digest(prefix, *parts), "big") % N


def wide_scalar(prefix: bytes, *parts: bytes) -> int:
    """A scalar without measurable bias, from two hashes: for secrets."""
    high, low = digest(prefix, b"\0", *parts), digest(prefix, b"\1", *parts)
    return int.from_bytes(high + low, "big") % N


def hash_to_point(prefix: bytes, data: bytes) -> tuple[Jacobian, list[int]]:
    """The point of `data` in one domain, and the roots that let the chain check it without a square root.

    For k = 0, 1, ...: x = Keccak(domain, data, k) mod P. If x^3 + 3 is a square, the point is (x, y) with
    y even and the last root is y. Otherwise -(x^3 + 3) is one, since P = 3 mod 4, and the root is its root.
    """
    roots = []
    for attempt in range(256):
        x = int.from_bytes(digest(prefix, data, attempt.to_bytes(32, "big")), "big") % P
        square = (x**3 + 3) % P
        root = sqrt(square)
        if root is not None:
            roots.append(root)
            return (mpz(x), mpz(root), mpz(1)), roots
        miss = sqrt(P - square)
        assert miss is not None, "P = 3 mod 4: one of a and -a is a square"
        roots.append(miss)
    raise AssertionError("256 misses in a row have probability 2^-256")


def key_image_base(key: Jacobian) -> tuple[Jacobian, list[int]]:
    """Hp(P) of a one-time key, and its roots."""
    return hash_to_point(KEY_IMAGE_BASE, BN254.encode([key]))
