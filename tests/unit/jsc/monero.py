"""A Monero transaction as JSC's verifiers take it: parsed, and hashed as Monero hashes.

Sources: Monero src/ringct/rctSigs.cpp, src/ringct/bulletproofs_plus.cc, src/cryptonote_config.h. A, L, R, D
and the like travel divided by the cofactor 8; here they are multiplied back, and divided again for hashing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from p2pnode.jsc.bulletproofs_plus import Bases, RangeProof
from p2pnode.jsc.clsag import Clsag, Ring
from tests.unit.jsc.ed25519 import ED25519, INVERSE_OF_8, Extended, L, decode, encode, hash_to_point

H = decode(bytes.fromhex("8b655970153799af2aeadc9ff1add0ea6c7251d54154cfa92c173a0dd39c1f94"))


def hash_to_scalar(data: bytes) -> int:
    return int.from_bytes(keccak(data), "little") % L


def eighth(point: Extended) -> bytes:
    return encode(ED25519.mul(INVERSE_OF_8, point))


def times8(data: bytes) -> Extended:
    return ED25519.mul(8, decode(data))


def bases() -> Bases[Extended]:
    """The vectors of Monero's Bulletproofs+ for two amounts."""

    def exponent(index: int) -> Extended:
        varint = bytes([index]) if index < 128 else bytes([index & 127 | 128, index >> 7])
        return hash_to_point(keccak(encode(H) + b"bulletproof_plus" + varint))

    size = 128
    return Bases(H, [exponent(2 * i + 1) for i in range(size)], [exponent(2 * i) for i in range(size)])


class MoneroClsagTranscript:
    def aggregation(
        self, ring: Ring[Extended], image: Extended, commitment_image: Extended, pseudo_out: Extended
    ) -> tuple[int, int]:
        body = ED25519.encode([*ring.keys, *ring.commitments, image])
        body += eighth(commitment_image) + encode(pseudo_out)
        first, second = (
            hash_to_scalar(name.ljust(32, b"\0") + body) for name in (b"CLSAG_agg_0", b"CLSAG_agg_1")
        )
        return first, second

    def rounds(
        self,
        ring: Ring[Extended],
        image: Extended,
        commitment_image: Extended,
        pseudo_out: Extended,
        message: bytes,
    ) -> Callable[[Extended, Extended], int]:
        body = ED25519.encode([*ring.keys, *ring.commitments, pseudo_out]) + message
        return lambda left, right: hash_to_scalar(
            b"CLSAG_round".ljust(32, b"\0") + body + ED25519.encode([left, right])
        )


class MoneroRangeTranscript:
    def __init__(self) -> None:
        self._state = encode(hash_to_point(keccak(b"bulletproof_plus_transcript")))

    def _absorb(self, data: bytes) -> int:
        challenge = hash_to_scalar(data)
        self._state = challenge.to_bytes(32, "little")
        return challenge

    def statement(self, commitments: Sequence[Extended]) -> None:
        hashed = hash_to_scalar(b"".join(map(eighth, commitments)))
        self._absorb(self._state + hashed.to_bytes(32, "little"))

    def challenge(self, *points: Extended) -> int:
        return self._absorb(self._state + b"".join(map(eighth, points)))

    def next(self) -> int:
        return self._absorb(self._state)


@dataclass(frozen=True)
class MoneroTransaction:
    """One input, its proof of membership, and the outputs' range proof."""

    message: bytes
    fee: int
    image: Extended
    pseudo_out: Extended
    commitments: list[Extended]
    signature: Clsag[Extended]
    proof: RangeProof[Extended]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        self.at += size
        assert self.at <= len(self.data)
        return self.data[self.at - size : self.at]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def key(self) -> bytes:
        return self.take(32)

    def scalar(self) -> int:
        return int.from_bytes(self.take(32), "little")

    def keys(self) -> list[bytes]:
        return [self.key() for _ in range(self.varint())]


def parse(data: bytes, ring_size: int) -> MoneroTransaction:
    """A version 2 transaction of type BulletproofPlus (6) with one input and outputs with view tags."""
    reader = _Reader(data)
    assert (reader.varint(), reader.varint(), reader.varint()) == (2, 0, 1)
    assert (reader.take(1), reader.varint()) == (b"\x02", 0)
    for _ in range(reader.varint()):
        reader.varint()
    image = decode(reader.key())
    outputs = reader.varint()
    for _ in range(outputs):
        assert (reader.varint(), reader.take(1)) == (0, b"\x03")
        reader.take(33)
    reader.take(reader.varint())
    prefix_end = reader.at
    assert reader.take(1) == b"\x06"
    fee = reader.varint()
    reader.take(8 * outputs)
    commitments = [decode(reader.key()) for _ in range(outputs)]
    base_end = reader.at
    assert reader.varint() == 1
    a, a1, b = (reader.key() for _ in range(3))
    scalars = [reader.scalar() for _ in range(3)]
    lefts, rights = reader.keys(), reader.keys()
    responses = tuple(reader.scalar() for _ in range(ring_size))
    challenge, commitment_image = reader.scalar(), times8(reader.key())
    pseudo_out = decode(reader.key())
    assert reader.at == len(data)
    proof_bytes = b"".join((a, a1, b, *(s.to_bytes(32, "little") for s in scalars), *lefts, *rights))
    parts = (data[:prefix_end], data[prefix_end:base_end], proof_bytes)
    proof = RangeProof(
        times8(a), times8(a1), times8(b), tuple(map(times8, lefts)), tuple(map(times8, rights)), *scalars
    )
    return MoneroTransaction(
        keccak(b"".join(map(keccak, parts))),
        fee,
        image,
        pseudo_out,
        commitments,
        Clsag(challenge, responses, commitment_image),
        proof,
    )
