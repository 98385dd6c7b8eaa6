"""Reading a native seal: words in range, digests, and Merkle trees opened against a transmitted top layer."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from . import params
from .field import P, from_seal_words
from .transcript import Transcript, hash_pair, hash_words


class InvalidProof(Exception):
    """The seal does not prove the claim; `args[0]` names the step that failed."""


def require(condition: bool, step: str) -> None:
    """Raise InvalidProof(step) unless the condition holds."""
    if not condition:
        raise InvalidProof(step)


class SealReader:
    """A cursor over the words of a native seal, and the transcript that absorbs what is read."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words
        self._position = 0
        self.transcript = Transcript()

    def field_words(self, count: int) -> Sequence[int]:
        """The next words, which must be reduced: w and w + p are one element but hash differently."""
        words = self._take(count)
        require(all(word < P for word in words), "range")
        return words

    def word(self) -> int:
        """The next word as it stands."""
        return self._take(1)[0]

    def digests(self, count: int) -> list[bytes]:
        """The next digests, eight little-endian words each."""
        data = struct.pack(f"<{8 * count}I", *self._take(8 * count))
        return [data[i : i + 32] for i in range(0, len(data), 32)]

    def finish(self) -> None:
        """Nothing may be left."""
        require(self._position == len(self._words), "length")

    def _take(self, count: int) -> Sequence[int]:
        words = self._words[self._position : self._position + count]
        require(len(words) == count, "length")
        self._position += count
        return words


class MerkleTree:
    """A committed table of 2^log2 rows. The seal holds its layer of TOP_NODES nodes; the root is
    committed."""

    def __init__(self, reader: SealReader, log2: int, columns: int) -> None:
        self._reader = reader
        self._rows = 1 << log2
        self._columns = columns
        self._top = reader.digests(params.TOP_NODES)
        layer = self._top
        while len(layer) > 1:
            layer = [hash_pair(layer[i], layer[i + 1]) for i in range(0, len(layer), 2)]
        self.root = layer[0]
        reader.transcript.commit(self.root)

    def open(self, index: int) -> list[int]:
        """Read the row `index` and its path, check them against the top layer; canonical values."""
        row = self._reader.field_words(self._columns)
        node = hash_words(row)
        index += self._rows
        while index >= 2 * params.TOP_NODES:
            sibling = self._reader.digests(1)[0]
            node = hash_pair(sibling, node) if index & 1 else hash_pair(node, sibling)
            index //= 2
        require(node == self._top[index - params.TOP_NODES], "merkle")
        return from_seal_words(row)
