"""The BabyBear field, its degree-four extension and the forms in which elements are written.

`P` = 15 * 2^27 + 1. The extension is F_p[x] / (x^4 + 11); an element is the tuple (c0, c1, c2, c3) of the
coefficients of 1, x, x^2, x^3. Source: risc0-zkp 3.0.6-rc.1, src/field/baby_bear.rs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

P = 15 * 2**27 + 1
MONTGOMERY_R = 2**32 % P
MONTGOMERY_R_INVERSE = pow(2**32, -1, P)
X_POW_4 = P - 11
"""x^4 in the extension: the polynomial is x^4 + 11."""

Ext = tuple[int, int, int, int]
ZERO: Ext = (0, 0, 0, 0)
ONE: Ext = (1, 0, 0, 0)

MAX_ROOT_LOG2 = 27
_ROOT_OF_ORDER_2_27 = 137
ROOTS = [pow(_ROOT_OF_ORDER_2_27, 2 ** (MAX_ROOT_LOG2 - k), P) for k in range(MAX_ROOT_LOG2 + 1)]
"""ROOTS[k] generates the subgroup of order 2^k (`ROU_FWD` in baby_bear.rs)."""
INVERSE_ROOTS = [pow(root, -1, P) for root in ROOTS]


def to_seal_word(value: int) -> int:
    """The u32 that a seal holds for a canonical value: value * 2^32 mod p."""
    return value * MONTGOMERY_R % P


def from_seal_words(words: Iterable[int]) -> list[int]:
    """Canonical values of seal words, which the caller has checked to be below p."""
    return [word * MONTGOMERY_R_INVERSE % P for word in words]


def add(a: Ext, b: Ext) -> Ext:
    """a + b."""
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P, (a[3] + b[3]) % P)


def sub(a: Ext, b: Ext) -> Ext:
    """a - b."""
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P, (a[3] - b[3]) % P)


def scale(a: Ext, s: int) -> Ext:
    """a times a base field element."""
    return (a[0] * s % P, a[1] * s % P, a[2] * s % P, a[3] * s % P)


def mul(a: Ext, b: Ext) -> Ext:
    """a * b modulo x^4 + 11."""
    a0, a1, a2, a3 = a
    b0, b1, b2, b3 = b
    return (
        (a0 * b0 + X_POW_4 * (a1 * b3 + a2 * b2 + a3 * b1)) % P,
        (a0 * b1 + a1 * b0 + X_POW_4 * (a2 * b3 + a3 * b2)) % P,
        (a0 * b2 + a1 * b1 + a2 * b0 + X_POW_4 * a3 * b3) % P,
        (a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0) % P,
    )


def power(a: Ext, exponent: int) -> Ext:
    """a^exponent for exponent >= 0."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = mul(result, a)
        a = mul(a, a)
        exponent >>= 1
    return result


def inverse(a: Ext) -> Ext:
    """1/a by Fermat in the field of p^4 elements; 0 for 0."""
    return power(a, P**4 - 2)


def from_base(value: int) -> Ext:
    """The base field element `value` as an extension element."""
    return (value % P, 0, 0, 0)


def evaluate(coefficients: Sequence[Ext], x: Ext) -> Ext:
    """sum_i coefficients[i] * x^i by Horner's rule."""
    result = ZERO
    for coefficient in reversed(coefficients):
        result = add(mul(result, x), coefficient)
    return result


def extensions(values: Sequence[int]) -> list[Ext]:
    """Groups of four values as extension elements, lowest coefficient first."""
    return [(values[i], values[i + 1], values[i + 2], values[i + 3]) for i in range(0, len(values), 4)]
