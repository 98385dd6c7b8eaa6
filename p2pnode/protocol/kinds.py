"""Kinds of fields: how a value is checked, and turned into its wire value and back.

Errors name the field, the value and what would be right.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from p2pnode.errors import ProtocolError
from p2pnode.protocol.cbor import Value


class Kind(Protocol):
    """How one field is checked and turned into its wire value and back."""

    def read(self, value: Value, name: str) -> Any: ...

    def write(self, value: Any, name: str) -> Value: ...


@dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned integer of at most `bits` bits."""

    bits: int

    def read(self, value: Any, name: str) -> int:
        if type(value) is not int or not 0 <= value < 1 << self.bits:
            raise ProtocolError(f"{name} is {show(value)}; give an integer from 0 to 2^{self.bits} - 1")
        return value

    write = read


@dataclass(frozen=True, slots=True)
class Octets:
    """A byte string of `least` to `most` bytes."""

    least: int
    most: int

    def read(self, value: Any, name: str) -> bytes:
        if type(value) is not bytes:
            raise ProtocolError(f"{name} is {show(value)}; give {self._right()}")
        if not self.least <= len(value) <= self.most:
            raise ProtocolError(f"{name} has {len(value)} bytes; give {self._right()}")
        return value

    write = read

    def _right(self) -> str:
        if self.least == self.most:
            return f"a byte string of {self.least} bytes"
        return f"a byte string of {self.least} to {self.most} bytes"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `most` bytes in UTF-8."""

    most: int

    def read(self, value: Any, name: str) -> str:
        if type(value) is not str:
            raise ProtocolError(f"{name} is {show(value)}; give text")
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            raise ProtocolError(f"{name} holds a lone surrogate; give text that has a UTF-8 form") from None
        if length > self.most:
            raise ProtocolError(f"{name} has {length} bytes; give at most {self.most}")
        return value

    write = read


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of `options`."""

    options: type[StrEnum]

    def read(self, value: Any, name: str) -> StrEnum:
        try:
            return self.options(value)
        except ValueError:
            raise ProtocolError(f"{name} is {show(value)}; give one of {', '.join(self.options)}") from None

    def write(self, value: Any, name: str) -> str:
        return str(self.read(value, name))


@dataclass(frozen=True, slots=True)
class Sequence:
    """Up to `most` items of one kind; a tuple in Python."""

    item: Kind
    most: int

    def read(self, value: Value, name: str) -> tuple[Any, ...]:
        items = self._bound(value, list, name)
        return tuple(self.item.read(one, f"{name}[{i}]") for i, one in enumerate(items))

    def write(self, value: Any, name: str) -> list[Value]:
        items = self._bound(value, tuple, name)
        return [self.item.write(one, f"{name}[{i}]") for i, one in enumerate(items)]

    def _bound(self, value: Any, kind: type[Any], name: str) -> Any:
        if not isinstance(value, kind):
            raise ProtocolError(f"{name} is {show(value)}; give an array")
        if len(value) > self.most:
            raise ProtocolError(f"{name} has {len(value)} items; give at most {self.most}")
        return value


def show(value: object) -> str:
    """A value in an error, cut where it is long."""
    text = f"0x{value.hex()}" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
