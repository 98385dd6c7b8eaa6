"""Deterministic CBOR, read strictly.

Writing is cbor2's canonical form. Reading is our own, since a general decoder also interprets tags
(regular expressions, decimals with huge exponents, shared references) that no message uses: this one
knows unsigned integers, byte and text strings, arrays, maps with text keys and tag 2 (bignum), and takes
each only in the one form of RFC 8949 section 4.2.1, so equal values have equal bytes.
"""

from typing import TypeAlias

import cbor2

from p2pnode.errors import ProtocolError

Value: TypeAlias = "int | bytes | str | list[Value] | dict[str, Value]"

MAX_DEPTH = 6
"""Nesting that a message can have; the deepest one has three levels."""

MAX_BIGNUM = 32
"""Bytes of the widest integer, a uint256."""

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_BIGNUM_TAG = 2


def dumps(value: Value) -> bytes:
    """Canonical encoding of `value`."""
    return cbor2.dumps(value, canonical=True)


def loads(data: bytes) -> Value:
    """The one value in `data`. Raises ProtocolError for anything that is not canonical."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ProtocolError(f"message has {len(data) - reader.at} bytes after its end; send one CBOR value")
    return value


class _Reader:
    """A cursor over hostile bytes; every length is compared with what is left before it is used."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise ProtocolError(f"message nests deeper than {MAX_DEPTH} levels; no message type does")
        start = self.at
        major, argument = self._head()
        if major == _UINT:
            return argument
        if major == _BYTES:
            return self._take(argument)
        if major == _TEXT:
            return self._text(argument)
        if major == _ARRAY:
            self._bound(argument, "array")
            return [self.value(depth + 1) for _ in range(argument)]
        if major == _MAP:
            return self._map(argument, depth)
        if major == _TAG and argument == _BIGNUM_TAG:
            return self._bignum()
        raise ProtocolError(
            f"message holds CBOR item 0x{self._data[start]:02x} at byte {start}; only unsigned integers, "
            "strings, arrays, maps and bignums are used"
        )

    def _head(self) -> tuple[int, int]:
        start = self.at
        byte = self._take(1)[0]
        major, info = byte >> 5, byte & 31
        if info < 24:
            return major, info
        if info > 27:
            raise ProtocolError(f"message has an indefinite or reserved length at byte {start}; give lengths")
        width = 1 << (info - 24)
        argument = int.from_bytes(self._take(width), "big")
        smallest = 24 if width == 1 else 1 << (4 * width)
        if argument < smallest:
            raise ProtocolError(f"message has {argument} in {width} bytes at byte {start}; use the shortest")
        return major, argument

    def _take(self, length: int) -> bytes:
        left = len(self._data) - self.at
        if length > left:
            raise ProtocolError(f"message is cut off: {length} bytes wanted at byte {self.at}, {left} left")
        self.at += length
        return self._data[self.at - length : self.at]

    def _text(self, length: int) -> str:
        start = self.at
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"message has text at byte {start} that is not UTF-8") from None

    def _bound(self, items: int, kind: str) -> None:
        left = len(self._data) - self.at
        if items > left:
            raise ProtocolError(f"message announces {items} items of an {kind} with {left} bytes left")

    def _map(self, pairs: int, depth: int) -> dict[str, Value]:
        self._bound(pairs, "map")
        found: dict[str, Value] = {}
        previous = b""
        for _ in range(pairs):
            start = self.at
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise ProtocolError(f"message has a map key at byte {start} that is not text")
            encoded = self._data[start : self.at]
            if encoded <= previous:
                raise ProtocolError(
                    f"message has map key {key!r:.80} twice or out of order; sort by encoding"
                )
            previous = encoded
            found[key] = self.value(depth + 1)
        return found

    def _bignum(self) -> int:
        start = self.at
        major, length = self._head()
        if major != _BYTES or length > MAX_BIGNUM:
            raise ProtocolError(f"message has a bignum at byte {start} that is wider than {MAX_BIGNUM} bytes")
        digits = self._take(length)
        if length <= 8 or digits[0] == 0:
            raise ProtocolError(f"message has a bignum at byte {start} that is not in the shortest form")
        return int.from_bytes(digits, "big")
