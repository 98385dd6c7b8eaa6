"""The frame of one constraint contract: its subroutines, its entry and its return."""

from __future__ import annotations

from . import lanes
from .assembler import LABEL_BYTES, Assembler


class SegmentCode(Assembler):
    """Code that copies its calldata to memory 0, runs what is emitted after construction, and returns.

    Subroutines take their operands above the return label and leave one word. Entries that first reduce an
    operand fall through into the plain ones.
    """

    def __init__(self) -> None:
        super().__init__()
        start = self.new_label()
        self._entries: dict[str, int] = {}
        self._return_length_at = 0
        self.push_label(start).op("JUMP")
        self._entry("reduce both and multiply")
        lanes.emit_reduce(self)
        self.swap(1)
        self._entry("reduce top and multiply")
        lanes.emit_reduce(self)
        self._entry("multiply")
        lanes.emit_multiply(self)
        self.swap(1).op("JUMP")
        self._entry("reduce and scale")
        lanes.emit_reduce(self)
        self._entry("scale")
        self.op("MUL")
        lanes.emit_fold_twice(self)
        self.swap(1).op("JUMP")
        self.place(start)
        self.op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")

    def call(self, entry: str, back: int) -> None:
        """Jump to a subroutine and place the label at which it comes back."""
        self.push_label(self._entries[entry]).op("JUMP").place(back)

    def return_from(self, address: int) -> None:
        """Return memory from `address` on; `finish` gives the length."""
        self.push(0, LABEL_BYTES)
        self._return_length_at = len(self.code) - LABEL_BYTES
        self.push(address, 2).op("RETURN")

    def finish(self, length: int) -> bytes:
        """The complete code, returning `length` bytes."""
        at = self._return_length_at
        self.code[at : at + LABEL_BYTES] = length.to_bytes(LABEL_BYTES, "big")
        return self.assemble()

    def _entry(self, name: str) -> None:
        self._entries[name] = self.new_label()
        self.place(self._entries[name])
