"""What CLSAG and Bulletproofs+ need of a group of prime order.

The proofs are generic over it, so that the code which proves on bn254 can be checked against other systems'
data on other curves.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

Point = TypeVar("Point")

WIDTH = 5
"""Window of the wNAF form: 8 odd multiples a point, one addition in 6 bits on average."""


class Group(ABC, Generic[Point]):
    """A group written additively. Nothing here is constant time: see docs/jsc.md."""

    order: int
    """Prime order of the group the proofs work in."""
    identity: Point
    generator: Point

    @abstractmethod
    def add(self, left: Point, right: Point) -> Point: ...

    @abstractmethod
    def double(self, point: Point) -> Point: ...

    @abstractmethod
    def neg(self, point: Point) -> Point: ...

    @abstractmethod
    def equal(self, left: Point, right: Point) -> bool: ...

    @abstractmethod
    def encode(self, points: Sequence[Point]) -> bytes:
        """The points as transcripts hash them, one after the other."""

    def sub(self, left: Point, right: Point) -> Point:
        return self.add(left, self.neg(right))

    def mul(self, scalar: int, point: Point) -> Point:
        """`scalar * point` for any integer."""
        return self.msm([scalar], [point])

    def is_identity(self, point: Point) -> bool:
        return self.equal(point, self.identity)

    def msm(self, scalars: Sequence[int], points: Sequence[Point]) -> Point:
        """Sum of `scalars[i] * points[i]` (Straus with wNAF digits)."""
        digits: list[list[int]] = []
        tables: list[list[Point]] = []
        for scalar, point in zip(scalars, points, strict=True):
            digits.append(wnaf(scalar % self.order))
            tables.append(self._odd_multiples(point))
        return self._straus(digits, tables)

    def _odd_multiples(self, point: Point) -> list[Point]:
        """1, 3, 5, ... 15 times `point`."""
        twice = self.double(point)
        table = [point]
        for _ in range((1 << (WIDTH - 2)) - 1):
            table.append(self.add(table[-1], twice))
        return table

    def _straus(self, digits: Sequence[Sequence[int]], tables: Sequence[Sequence[Point]]) -> Point:
        by_bit: dict[int, list[Point]] = {}
        for row, table in zip(digits, tables, strict=True):
            for bit, digit in enumerate(row):
                if digit > 0:
                    by_bit.setdefault(bit, []).append(table[digit >> 1])
                elif digit:
                    by_bit.setdefault(bit, []).append(self.neg(table[-digit >> 1]))
        total = self.identity
        for bit in range(max(by_bit, default=-1), -1, -1):
            total = self.double(total)
            for point in by_bit.get(bit, ()):
                total = self.add(total, point)
        return total


def wnaf(scalar: int) -> list[int]:
    """Signed digits of `scalar` >= 0, lowest first: each zero or odd, below 2^(WIDTH-1) in size."""
    digits = []
    full, half = 1 << WIDTH, 1 << (WIDTH - 1)
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & (full - 1)
            if digit >= half:
                digit -= full
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits
