"""EVM bytecode, written instruction by instruction.

`Assembler` emits instructions and resolves jump labels. `NamedStack` also follows the stack, for code without
jumps, so that values are reached by name and constants that lie on the stack are duplicated instead of
pushed.
"""

from __future__ import annotations

from typing import Self

OPCODES: dict[str, tuple[int, int, int]] = {
    # name: (opcode, words taken, words left); Ethereum Yellow Paper, appendix H
    "ADD": (0x01, 2, 1),
    "MUL": (0x02, 2, 1),
    "SUB": (0x03, 2, 1),
    "MOD": (0x06, 2, 1),
    "MULMOD": (0x09, 3, 1),
    "AND": (0x16, 2, 1),
    "OR": (0x17, 2, 1),
    "XOR": (0x18, 2, 1),
    "NOT": (0x19, 1, 1),
    "SHL": (0x1B, 2, 1),
    "SHR": (0x1C, 2, 1),
    "CALLDATASIZE": (0x36, 0, 1),
    "CALLDATACOPY": (0x37, 3, 0),
    "CODECOPY": (0x39, 3, 0),
    "POP": (0x50, 1, 0),
    "MLOAD": (0x51, 1, 1),
    "MSTORE": (0x52, 2, 0),
    "JUMP": (0x56, 1, 0),
    "JUMPDEST": (0x5B, 0, 0),
    "RETURN": (0xF3, 2, 0),
}
PUSH0, DUP1, SWAP1 = 0x5F, 0x80, 0x90
LABEL_BYTES = 2


class Assembler:
    """A growing piece of code. Every emitting method returns the assembler, so that calls can be chained."""

    def __init__(self) -> None:
        self.code = bytearray()
        self._fixups: list[tuple[int, int]] = []
        self._labels: dict[int, int] = {}
        self._next_label = 0

    def op(self, *names: str) -> Self:
        """Emit plain instructions."""
        for name in names:
            opcode, taken, left = OPCODES[name]
            self.code.append(opcode)
            self._moved(taken, left)
        return self

    def push(self, value: int, width: int | None = None) -> Self:
        """Push a number with the shortest PUSH, or one of `width` bytes."""
        width = width or (value.bit_length() + 7) // 8
        self.code.append(PUSH0 + width)
        self.code += value.to_bytes(width, "big")
        self._moved(0, 1)
        return self

    def constant(self, name: str, value: int) -> Self:
        """Push a named constant; subclasses may know a cheaper way."""
        return self.push(value)

    def dup(self, depth: int) -> Self:
        """DUP`depth`."""
        self.code.append(DUP1 + depth - 1)
        self._moved(0, 1)
        return self

    def swap(self, depth: int) -> Self:
        """SWAP`depth`."""
        self.code.append(SWAP1 + depth - 1)
        return self

    def new_label(self) -> int:
        """A label that is not placed yet."""
        self._next_label += 1
        return self._next_label

    def push_label(self, label: int) -> Self:
        """Push the position of a label."""
        self.push(0, LABEL_BYTES)
        self._fixups.append((len(self.code) - LABEL_BYTES, label))
        return self

    def place(self, label: int) -> Self:
        """Put a jump destination here."""
        self._labels[label] = len(self.code)
        return self.op("JUMPDEST")

    def assemble(self) -> bytes:
        """The code with all labels resolved."""
        for position, label in self._fixups:
            self.code[position : position + LABEL_BYTES] = self._labels[label].to_bytes(LABEL_BYTES, "big")
        return bytes(self.code)

    def _moved(self, taken: int, left: int) -> None:
        """Told after each instruction how the stack changed."""


class NamedStack(Assembler):
    """Straight-line code over a stack whose entries may have names; the last one is the top."""

    MAX_REACH = 16

    def __init__(self, *inputs: str) -> None:
        super().__init__()
        self.stack: list[str | None] = list(inputs)

    def name(self, name: str) -> Self:
        """Name the top entry."""
        self.stack[-1] = name
        return self

    def names(self, *names: str) -> Self:
        """Rename the whole stack."""
        if len(names) != len(self.stack):
            raise ValueError(f"{len(names)} names for a stack of {len(self.stack)}")
        self.stack = list(names)
        return self

    def copy(self, name: str) -> Self:
        """Duplicate the entry with that name that is nearest to the top."""
        depth = self.stack[::-1].index(name) + 1
        if depth > self.MAX_REACH:
            raise ValueError(f"{name} is {depth} deep")
        return self.dup(depth)

    def constant(self, name: str, value: int) -> Self:
        if name in self.stack and self.stack[::-1].index(name) < self.MAX_REACH:
            return self.copy(name)
        return self.push(value)

    def swap(self, depth: int) -> Self:
        super().swap(depth)
        self.stack[-1], self.stack[-1 - depth] = self.stack[-1 - depth], self.stack[-1]
        return self

    def load(self, address: int) -> Self:
        """Push the memory word at a fixed address."""
        return self.push(address).op("MLOAD")

    def store(self, address: int) -> Self:
        """Pop the top into memory at a fixed address."""
        return self.push(address).op("MSTORE")

    def shift_right(self, bits: int) -> Self:
        """Shift the top right."""
        return self.push(bits).op("SHR")

    def shift_left(self, bits: int) -> Self:
        """Shift the top left."""
        return self.push(bits).op("SHL")

    def verbatim(self) -> str:
        """The code as hex, for Yul's `verbatim`."""
        return self.assemble().hex()

    def _moved(self, taken: int, left: int) -> None:
        if taken:
            del self.stack[-taken:]
        self.stack += [None] * left
