"""Alterations of a genuine seal (contract encoding), none of which may be accepted."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

from stark import params
from stark.field import P
from stark.layout import Field, Layout

Corruption = tuple[str, bytes]
"""What was done, and the altered seal."""


class Corruptor:
    """Makes alterations of one seal; the same for the same seed."""

    def __init__(self, seal: bytes, layout: Layout, seed: int) -> None:
        self._seal = seal
        self._layout = layout
        self._random = random.Random(seed)
        self._fields = layout.fields()
        self._words = [f for f in self._fields if not f.digests and f.name not in ("po2", "nonce")]
        self._paths = [f for f in self._fields if f.name.endswith(" path")]

    def take(self, count: int) -> Iterator[Corruption]:
        """`count` alterations, of each kind in turn, all different from the genuine seal and each other."""
        kinds: tuple[Callable[[], Corruption], ...] = (
            self._bit,
            self._bit_of_a_header_field,
            self._word,
            self._not_reduced,
            self._swapped_digests,
            self._swapped_paths,
            self._swapped_queries,
            self._another_program,
            self._shorter,
            self._longer,
            self._another_nonce,
            self._zeros,
        )
        seen = {self._seal}
        for index in range(count):
            name, altered = kinds[index % len(kinds)]()
            while altered in seen:
                name, altered = kinds[index % len(kinds)]()
            seen.add(altered)
            yield name, altered

    def _bit(self) -> Corruption:
        return self._flip(self._random.choice(self._fields))

    def _bit_of_a_header_field(self) -> Corruption:
        return self._flip(self._random.choice(self._layout.header))

    def _flip(self, field: Field) -> Corruption:
        offset = field.offset + self._random.randrange(field.length)
        bit = self._random.randrange(8)
        return f"bit {bit} of byte {offset} ({field.name})", self._with(
            offset, bytes([self._seal[offset] ^ 1 << bit])
        )

    def _word(self) -> Corruption:
        field, offset = self._some_word()
        value = (self._at(offset) + 1 + self._random.randrange(P - 1)) % P
        return f"another element at {offset} ({field.name})", self._with(offset, struct.pack(">I", value))

    def _not_reduced(self) -> Corruption:
        while True:
            field, offset = self._some_word()
            if self._at(offset) + P < 2**32:
                value = struct.pack(">I", self._at(offset) + P)
                return f"p added at {offset} ({field.name})", self._with(offset, value)

    def _swapped_digests(self) -> Corruption:
        field = self._random.choice([f for f in self._fields if f.digests])
        count = field.length // params.DIGEST_BYTES
        a, b = (field.offset + params.DIGEST_BYTES * i for i in self._random.sample(range(count), 2))
        return f"digests at {a} and {b} exchanged ({field.name})", self._swapped(a, b, params.DIGEST_BYTES)

    def _swapped_paths(self) -> Corruption:
        first = self._random.choice(self._paths)
        second = self._random.choice([f for f in self._paths if f.length == first.length and f != first])
        return (
            f"{first.name} and {second.name} exchanged",
            self._swapped(first.offset, second.offset, first.length),
        )

    def _swapped_queries(self) -> Corruption:
        a, b = self._random.sample(range(params.QUERIES), 2)
        length = self._layout.query_length
        start = self._layout.queries
        return f"queries {a} and {b} exchanged", self._swapped(start + a * length, start + b * length, length)

    def _another_program(self) -> Corruption:
        """The root of the code columns is the control id."""
        top = next(f for f in self._layout.header if f.name == "code top")
        offset = top.offset + params.DIGEST_BYTES * self._random.randrange(params.TOP_NODES)
        return f"another code column digest at {offset}", self._with(
            offset, self._random.randbytes(params.DIGEST_BYTES)
        )

    def _shorter(self) -> Corruption:
        left = self._random.choice(
            [0, 3, 132, self._layout.queries, len(self._seal) - 4, len(self._seal) - 1]
        )
        left = self._random.choice([left, self._random.randrange(len(self._seal))])
        return f"the first {left} bytes", self._seal[:left]

    def _longer(self) -> Corruption:
        more = self._random.choice([1, 3, 4, 32, self._layout.query_length])
        return f"{more} bytes more", self._seal + self._random.randbytes(more)

    def _another_nonce(self) -> Corruption:
        """One in 2^22 would do; with this seed none does."""
        nonce = self._random.getrandbits(32)
        return f"nonce {nonce}", self._with(self._layout.offset("nonce"), struct.pack(">I", nonce))

    def _zeros(self) -> Corruption:
        field = self._random.choice(self._fields)
        return f"zeros for {field.name}", self._with(field.offset, bytes(field.length))

    def _some_word(self) -> tuple[Field, int]:
        field = self._random.choice(self._words)
        return field, field.offset + 4 * self._random.randrange(field.length // 4)

    def _at(self, offset: int) -> int:
        return int.from_bytes(self._seal[offset : offset + 4], "big")

    def _with(self, offset: int, data: bytes) -> bytes:
        return self._seal[:offset] + data + self._seal[offset + len(data) :]

    def _swapped(self, a: int, b: int, length: int) -> bytes:
        first, second = self._seal[a : a + length], self._seal[b : b + length]
        altered = bytearray(self._seal)
        altered[a : a + length], altered[b : b + length] = second, first
        return bytes(altered)
