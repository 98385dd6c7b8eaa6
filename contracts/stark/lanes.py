"""Packed arithmetic: one extension element in one 256-bit word.

An element has four 64-bit lanes; lane j holds the coefficient of x^j as value * 2^54 mod p (form M), not
necessarily reduced. Every operation works on all lanes at once, and is exact as long as no lane overflows or
goes negative. That is what the bounds below are for; the generator tracks one for each value it computes.

The emitters write EVM code; the functions of the same name without `emit_` are the same computation on Python
integers, against which the bounds are tested.

fold:     t -> t / 2^27 mod p. As p = 1 mod 2^27, t - p * (t mod 2^27) is divisible by 2^27 in each lane.
multiply: MUL of two words holds c0..c3 of the product in its lanes; MULMOD by 2^256 - 1 wraps c4..c6 around,
so it holds c_i + c_{i+4}. Their difference is the high half, which x^4 = -11 folds in as -11 * high; then two
folds take out 2^54. reduce:   t - p * floor(t / p), with the quotient from one multiplication by floor(2^52 /
p).
"""

from __future__ import annotations

from .assembler import Assembler
from .field import Ext, P

LANE = 64
LANES = 4
ONES = sum(1 << (LANE * lane) for lane in range(LANES))
FORM = pow(2, 54, P)
"""Multiplying a canonical value by this gives form M."""
WORD_TO_FORM = pow(2, 54 - 32, P)
"""Multiplying a seal word (value * 2^32) by this gives form M."""
WORD_TO_FORM_UNFOLDED = pow(2, 76, P)
"""The same for a product that still goes through two folds (2^54 is taken out again)."""

FOLD_BITS = 27
NON_RESIDUE = 11
LOW_BITS = ONES * ((1 << FOLD_BITS) - 1)
FOLD_OFFSET = (P << FOLD_BITS) * ONES
PRODUCT_OFFSET = sum(((P << FOLD_BITS) * 1024) << (LANE * lane) for lane in range(3)) + (
    (P << FOLD_BITS) << 192
)
"""Keeps `low - 11 * high` positive: lanes 0 to 2 have up to three high products each, lane 3 has none."""
QUOTIENT_SHIFT = 52
QUOTIENT_FACTOR = (1 << QUOTIENT_SHIFT) // P
QUOTIENT_MASK = ONES * (2**12 - 1)
LOW_WORDS = ONES * (2**32 - 1)
NON_CANONICAL = (2**32 - P) * ONES
"""Added to a lane that holds a 32-bit word, this sets bit 32 when and only when the word is p or more."""
CARRY = ONES << 32

PRODUCT_LIMIT = 18157000000000000000
"""Four times the product of the two lane bounds of a multiplication must stay below this, under 2^64 -
2^58."""
REDUCIBLE = 2**42 - 2**30
"""`reduce` is right for lanes below this."""
PRODUCT_BOUND = P + 2**15
FOLDED_BOUND = P + 2**11
REDUCED_BOUND = int(1.0015 * P)

_WORD = 2**256 - 1


def pack(lanes: Ext) -> int:
    """Four lane values, each below 2^64, as one word."""
    return sum(value << (LANE * lane) for lane, value in enumerate(lanes))


def unpack(word: int) -> Ext:
    """The lane values of a word."""
    a, b, c, d = ((word >> (LANE * lane)) & ((1 << LANE) - 1) for lane in range(LANES))
    return (a, b, c, d)


def to_form(element: Ext) -> int:
    """A canonical extension element as a packed word in form M."""
    a, b, c, d = (value * FORM % P for value in element)
    return pack((a, b, c, d))


def multiply(a: int, b: int) -> int:
    """The packed product; needs 4 * bound(a) * bound(b) < PRODUCT_LIMIT, gives lanes < PRODUCT_BOUND."""
    low = a * b & _WORD
    high = (a * b % _WORD - low) & _WORD
    correction = NON_RESIDUE * high + P * ((low & LOW_BITS) - NON_RESIDUE * (high & LOW_BITS))
    return fold(((low + PRODUCT_OFFSET - correction) & _WORD) >> FOLD_BITS)


def fold(t: int) -> int:
    """Each lane divided by 2^27 modulo p."""
    return ((t + FOLD_OFFSET - P * (t & LOW_BITS)) & _WORD) >> FOLD_BITS


def fold_twice(t: int) -> int:
    """Each lane divided by 2^54 modulo p; lanes below PRODUCT_LIMIT give lanes < FOLDED_BOUND."""
    return fold(fold(t))


def reduce(t: int) -> int:
    """Each lane below REDUCIBLE taken modulo p up to REDUCED_BOUND."""
    return (t - P * (((t * QUOTIENT_FACTOR & _WORD) >> QUOTIENT_SHIFT) & QUOTIENT_MASK)) & _WORD


def emit_reduce(a: Assembler) -> None:
    """[t] -> [reduce(t)]."""
    a.dup(1).push(QUOTIENT_FACTOR).op("MUL").push(QUOTIENT_SHIFT).op("SHR").constant(
        "QUOTIENT_MASK", QUOTIENT_MASK
    )
    a.op("AND").push(P).op("MUL").swap(1).op("SUB")


def emit_fold(a: Assembler) -> None:
    """[t] -> [fold(t)]."""
    a.dup(1).constant("LOW_BITS", LOW_BITS).op("AND").push(P).op("MUL").swap(1)
    a.constant("FOLD_OFFSET", FOLD_OFFSET).op("ADD", "SUB").push(FOLD_BITS).op("SHR")


def emit_fold_twice(a: Assembler) -> None:
    """[t] -> [fold_twice(t)]."""
    emit_fold(a)
    emit_fold(a)


def emit_multiply(a: Assembler) -> None:
    """[a, b] -> [multiply(a, b)]."""
    a.push(0).op("NOT").dup(3).dup(3).op("MULMOD").swap(2).op("MUL")  # wrapped, low
    a.dup(1).swap(2).op("SUB")  # low, high
    a.dup(1).constant("LOW_BITS", LOW_BITS).op("AND").push(NON_RESIDUE).op("MUL")
    a.dup(3).constant("LOW_BITS", LOW_BITS).op("AND", "SUB")  # low, high, (low - 11 high) mod 2^27 by lanes
    a.push(P).op("MUL").swap(1).push(NON_RESIDUE).op("MUL", "ADD")  # low, correction
    a.swap(1).constant("PRODUCT_OFFSET", PRODUCT_OFFSET).op("ADD", "SUB").push(FOLD_BITS).op("SHR")
    emit_fold(a)
