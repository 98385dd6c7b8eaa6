"""The memory image that contract A hands to the constraint contracts.

Each of them copies the whole image to its memory at 0, computes, and returns the part from `variables` on:
partial totals and the values which a later one needs. So they pass state on without storage.
"""

from __future__ import annotations

from . import params
from .circuit import Circuit

WORD = 32
MULTIPLES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024, 2048)
"""Multiples of p (in every lane) that are added before a subtraction."""
TOTALS = 8
"""Words kept for the totals of nested mix chains."""


class Image:
    """Byte offsets of the parts of the image."""

    def __init__(self, circuit: Circuit, exponents: list[int]) -> None:
        self.exponents = exponents
        self.multiples = 0
        self.openings = self.multiples + WORD * len(MULTIPLES)
        self.globals = self.openings + WORD * circuit.taps
        self.powers = self.globals + WORD * (params.GLOBAL_OUTPUTS + params.GLOBAL_MIXES)
        self.variables = self.powers + WORD * len(exponents)
        self.slots = self.variables + WORD * TOTALS

    def power(self, exponent: int) -> int:
        """Where poly_mix^exponent is."""
        return self.powers + WORD * self.exponents.index(exponent)

    def returned(self, slots: int) -> int:
        """Bytes that a constraint contract returns when `slots` value slots are in use."""
        return WORD * (TOTALS + slots)

    def size(self, slots: int) -> int:
        """Bytes of the whole image."""
        return self.variables + self.returned(slots)
