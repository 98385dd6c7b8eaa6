"""The Keccak-256 hash suite of the outer proof: Merkle hashing and the Fiat-Shamir transcript.

Source of the shape: risc0-zkp src/core/hash (traits `HashFn`, `RngFactory`, `Rng`) and
src/verify/read_iop.rs. The suite itself is this project's, the same as in circuits_guest/prover.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from eth_hash.auto import keccak

from .field import Ext, P, to_seal_word
from .params import GRINDING_BITS


def hash_words(words: Sequence[int]) -> bytes:
    """Keccak-256 of seal words, each as four big-endian bytes."""
    return keccak(struct.pack(f">{len(words)}I", *words))


def hash_pair(left: bytes, right: bytes) -> bytes:
    """An inner Merkle node."""
    return keccak(left + right)


def hash_info(info: bytes) -> bytes:
    """The digest of a protocol or circuit name: each byte is one field element."""
    return hash_words([to_seal_word(byte) for byte in info])


class Transcript:
    """State st (32 bytes) and a counter of the draws since the last commitment.

    `commit(d)`: st = keccak(st | d), counter = 0. `draw()`: keccak(st | counter as u32be), counter + 1.
    """

    def __init__(self) -> None:
        self.state = bytes(32)
        self._counter = 0

    def commit(self, digest: bytes) -> None:
        """Absorb a digest."""
        self.state = keccak(self.state + digest)
        self._counter = 0

    def proves_work(self, nonce: int) -> bool:
        """Absorb a nonce; whether the state then begins with GRINDING_BITS zeros, for which 2^GRINDING_BITS
        nonces had to be tried (grinding, as in ethSTARK, eprint 2021/582)."""
        self.commit(nonce.to_bytes(32, "big"))
        return int.from_bytes(self.state, "big") >> (256 - GRINDING_BITS) == 0

    def draw(self) -> int:
        """256 pseudorandom bits."""
        digest = keccak(self.state + struct.pack(">I", self._counter))
        self._counter += 1
        return int.from_bytes(digest, "big")

    def element(self) -> int:
        """A base field element: the low 128 bits modulo p, off uniform by less than 2^-97."""
        return self.draw() % 2**128 % P

    def extension(self) -> Ext:
        """An extension element, lowest coefficient first."""
        return (self.element(), self.element(), self.element(), self.element())

    def bits(self, count: int) -> int:
        """A number below 2^count."""
        return self.draw() % (1 << count)
