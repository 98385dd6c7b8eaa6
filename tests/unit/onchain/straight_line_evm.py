"""As much of the EVM as the generated straight-line code uses, so that it is run here as it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

WORD = 2**256 - 1

BINARY: dict[int, Callable[[int, int], int]] = {
    0x01: lambda a, b: a + b,
    0x02: lambda a, b: a * b,
    0x03: lambda a, b: a - b,
    0x06: lambda a, b: a % b if b else 0,
    0x16: lambda a, b: a & b,
    0x17: lambda a, b: a | b,
    0x18: lambda a, b: a ^ b,
    0x1B: lambda a, b: b << a if a < 256 else 0,
    0x1C: lambda a, b: b >> a if a < 256 else 0,
}


@dataclass
class Machine:
    """Stack, memory and calldata; `run` executes code to its end or to RETURN."""

    stack: list[int] = field(default_factory=list)
    memory: bytearray = field(default_factory=bytearray)
    calldata: bytes = b""
    returned: bytes = b""

    def run(self, code: bytes) -> Machine:
        stack = self.stack
        position = 0
        while position < len(code):
            opcode = code[position]
            position += 1
            if opcode in BINARY:
                a, b = stack.pop(), stack.pop()
                stack.append(BINARY[opcode](a, b) & WORD)
            elif 0x5F <= opcode <= 0x7F:
                width = opcode - 0x5F
                stack.append(int.from_bytes(code[position : position + width], "big"))
                position += width
            elif 0x80 <= opcode <= 0x8F:
                stack.append(stack[0x7F - opcode])
            elif 0x90 <= opcode <= 0x9F:
                depth = opcode - 0x90 + 2
                stack[-1], stack[-depth] = stack[-depth], stack[-1]
            elif opcode == 0x09:
                a, b, modulus = stack.pop(), stack.pop(), stack.pop()
                stack.append(a * b % modulus if modulus else 0)
            elif opcode == 0x19:
                stack.append(stack.pop() ^ WORD)
            elif opcode == 0x50:
                stack.pop()
            elif opcode == 0x51:
                address = stack.pop()
                stack.append(int.from_bytes(self._at(address, 32), "big"))
            elif opcode == 0x52:
                address, value = stack.pop(), stack.pop()
                self._at(address, 32)
                self.memory[address : address + 32] = value.to_bytes(32, "big")
            elif opcode == 0x36:
                stack.append(len(self.calldata))
            elif opcode == 0x37:
                target, source, length = stack.pop(), stack.pop(), stack.pop()
                self._at(target, length)
                self.memory[target : target + length] = self.calldata[source : source + length].ljust(
                    length, b"\0"
                )
            elif opcode == 0x56:
                position = stack.pop()
                assert code[position] == 0x5B, f"jump to {position}"
            elif opcode == 0xF3:
                address, length = stack.pop(), stack.pop()
                self.returned = bytes(self._at(address, length))
                return self
            else:
                assert opcode == 0x5B, f"opcode {opcode:#x}"
        return self

    def _at(self, address: int, length: int) -> bytearray:
        if len(self.memory) < address + length:
            self.memory.extend(bytes(address + length - len(self.memory)))
        return self.memory[address : address + length]
