"""Where each part of a proof stands in the calldata of the verifier.

A native seal is a sequence of big-endian u32 words, in which a digest is eight little-endian words. The
contract encoding has the same order; only digests are written as their 32 raw bytes. So there is one encoding
for each seal and one seal for each encoding. All words are field elements but the row count and the nonce.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import params
from .circuit import ACCUM, CODE, DATA, Circuit

WORD = 4
GLOBALS = params.GLOBAL_OUTPUTS + 1
TOP = params.TOP_NODES * params.DIGEST_BYTES
FRI_LEAF_WORDS = params.FRI_FOLD * 4
FRI_LEAF = FRI_LEAF_WORDS * WORD
FINAL_WORDS = params.FINAL_DEGREE * 4
TRACE_TREES = ("code", "data", "accum", "check")
"""In the order of their commitments."""


@dataclass(frozen=True)
class Field:
    """A stretch of the encoding: `length` bytes at `offset`, digests or words."""

    name: str
    offset: int
    length: int
    digests: bool


class Layout:
    """Byte offsets of every field, counted from the start of the seal."""

    def __init__(self, circuit: Circuit) -> None:
        self.coefficients = circuit.taps + params.CHECK_COLUMNS
        columns = circuit.group_columns
        self.rows = (
            ("accum", columns[ACCUM]),
            ("code", columns[CODE]),
            ("data", columns[DATA]),
            ("check", params.CHECK_COLUMNS),
        )
        fields: list[Field] = []
        self._end = 0

        def words(name: str, count: int) -> None:
            fields.append(Field(name, self._end, count * WORD, False))
            self._end += count * WORD

        def digests(name: str, count: int) -> None:
            fields.append(Field(name, self._end, count * params.DIGEST_BYTES, True))
            self._end += count * params.DIGEST_BYTES

        words("globals", params.GLOBAL_OUTPUTS)
        words("po2", 1)
        for tree in TRACE_TREES:
            digests(f"{tree} top", params.TOP_NODES)
        words("coefficients", self.coefficients * 4)
        for index in range(len(params.FRI_ROUND_LOG2)):
            digests(f"fri{index + 1} top", params.TOP_NODES)
        words("final", FINAL_WORDS)
        words("nonce", 1)
        self.header = tuple(fields)
        self.queries = self._end

        fields = []
        self._end = 0
        for tree, width in self.rows:
            words(f"{tree} row", width)
            digests(f"{tree} path", params.path_length(params.DOMAIN_LOG2))
        for index, log2 in enumerate(params.FRI_ROUND_LOG2):
            words(f"fri{index + 1} leaf", FRI_LEAF_WORDS)
            digests(f"fri{index + 1} path", params.path_length(log2))
        self.query = tuple(fields)
        self.query_length = self._end
        self.length = self.queries + params.QUERIES * self.query_length
        self._by_name = {field.name: field.offset for field in (*self.header, *self.query)}

    def offset(self, name: str) -> int:
        """Offset of a header field in the seal, or of a query field in its query."""
        return self._by_name[name]

    def fields(self) -> list[Field]:
        """Every field of the seal in order; a query's fields are named `query 7 data row`."""
        fields = list(self.header)
        for query in range(params.QUERIES):
            base = self.queries + query * self.query_length
            fields += [
                Field(f"query {query} {f.name}", base + f.offset, f.length, f.digests) for f in self.query
            ]
        return fields
