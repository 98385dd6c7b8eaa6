"""Memory of contracts A (HeaderVerifier) and B (SealVerifier).

What A has computed for the queries lies between `SHARED` and the end of the final polynomial. A returns that
stretch and B receives it at the same addresses, so both use one map. A alone has the coefficients, the
weights and the image for the constraint contracts behind it; B has there the copy of the header that it
passes to A.
"""

from __future__ import annotations

from . import params
from .circuit import Circuit
from .image import Image
from .layout import FINAL_WORDS, FRI_LEAF, TOP, TRACE_TREES, WORD, Layout

EVM_WORD = 32
ROW_WORDS = {"accum": 0, "code": 2, "data": 5, "check": 21}
"""First EVM word of each opened row in the row buffer; 8 seal words in each EVM word."""
ROW_BUFFER_WORDS = 23
POWERS_WORD = ROW_BUFFER_WORDS
"""The powers of x come after the split rows, as if they were one more row word."""
GENERATOR_BITS = (6, 5, 5, 5)
"""Bits of an exponent, from the lowest on, that each table of powers of the domain's generator serves."""
PHASES = 15


class Memory:
    """Addresses by the name which the templates use."""

    def __init__(
        self, circuit: Circuit, layout: Layout, image: Image, slots: int, weight_groups: int
    ) -> None:
        self.address: dict[str, int] = {}
        self._next = 0x40  # 0x00 to 0x3f: scratch for hashing
        word = self._word
        for name in ("STATE", "COUNTER", "OVER", "POLY_MIX", "Z", "FRI1_CHALLENGE", "FRI2_CHALLENGE"):
            word(name)
        word("FRI3_CHALLENGE")
        word("POLES", len(circuit.backs))
        for index, back in enumerate(circuit.backs):
            self.address[f"POLE_{back}"] = self.address["POLES"] + EVM_WORD * index
        word("POLE_CHECK")
        word("CONTROL_ID")
        word("PHASES", PHASES)
        word("LAST_GAS")
        word("NUMERATORS_AT", len(circuit.combos) + 1)
        for index in range(len(circuit.combos) + 1):
            self.address[f"NUMERATOR_{index}"] = self.address["NUMERATORS_AT"] + EVM_WORD * index
        word("Z_POWERS", max(map(len, circuit.combos)) - 1)
        self.address["Z_POWERS_END"] = self._next
        word("RESERVED")
        self._bytes("ELEMENTS", TOP)
        word("SPLIT", 2 * (ROW_BUFFER_WORDS + 1))
        self.address["SPLIT_POWERS"] = self.address["SPLIT"] + 2 * EVM_WORD * POWERS_WORD
        word("ROW", ROW_BUFFER_WORDS)
        self.address["ACCUM_ROW_END"] = self.address["ROW"] + EVM_WORD * (ROW_WORDS["code"] - 1)
        self.address["CODE_ROW_END"] = self.address["ROW"] + EVM_WORD * (ROW_WORDS["data"] - 1)
        self._bytes("LEAF", FRI_LEAF)
        for index, bits in enumerate(GENERATOR_BITS):
            word(f"GENERATORS_{index}", 1 << bits)
        word("WEIGHT_TABLE", 4 * weight_groups)
        word("FINAL", FINAL_WORDS // 4)
        shared_end = self._next
        self.address["SHARED"] = self.address["STATE"]
        self.address["SHARED_LENGTH"] = shared_end - self.address["SHARED"]

        self.address["HEADER_COPY"] = shared_end
        self.address["SEAL_MEMORY"] = shared_end + EVM_WORD * -(-(EVM_WORD + layout.queries) // EVM_WORD)

        word("COEFFICIENTS", layout.coefficients)
        self.address["COEFFICIENTS_LAST"] = self._next - EVM_WORD
        word("WEIGHTS", len(circuit.registers) + params.CHECK_COLUMNS)
        word("OPENINGS", circuit.combo_begin[-1] + 1)
        self.address["OPENINGS_END"] = self._next
        self._bytes("IMAGE", image.size(slots))
        base = self.address["IMAGE"]
        self.address["IMAGE_GLOBALS"] = base + image.globals
        self.address["IMAGE_MIXES"] = base + image.globals + EVM_WORD * params.GLOBAL_OUTPUTS
        self.address["IMAGE_MIXES_END"] = base + image.powers
        self.address["IMAGE_POWERS"] = base + image.powers
        self.address["IMAGE_VARIABLES"] = base + image.variables
        self.address["HEADER_MEMORY"] = self._next

    def __getitem__(self, name: str) -> int:
        return self.address[name]

    def _word(self, name: str, count: int = 1) -> None:
        self._bytes(name, EVM_WORD * count)

    def _bytes(self, name: str, length: int) -> None:
        self.address[name] = self._next
        self._next += length


class PartCalldata:
    """Offsets in the calldata of QueryVerifier, by name of the Merkle layers as the seal's layout has it."""

    def __init__(self, memory: Memory) -> None:
        trees = (*TRACE_TREES, *(f"fri{index + 1}" for index in range(len(params.FRI_ROUND_LOG2))))
        self.tops = {f"{tree} top": EVM_WORD + TOP * index for index, tree in enumerate(trees)}
        self.shared = EVM_WORD + TOP * len(trees)
        self.queries = self.shared + memory["SHARED_LENGTH"]


assert EVM_WORD == 8 * WORD
assert sum(GENERATOR_BITS) == params.DOMAIN_LOG2
