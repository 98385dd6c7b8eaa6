"""Native seal <-> contract encoding. See `layout` for the difference."""

from __future__ import annotations

import struct

from .layout import Layout


class SealFormatError(ValueError):
    """Bytes that cannot be a seal of this circuit."""


def parse_native(data: bytes, layout: Layout) -> list[int]:
    """The u32 words of a native seal of big-endian words; raises SealFormatError on a wrong length."""
    if len(data) != layout.length:
        raise SealFormatError(f"seal of {len(data)} bytes: a seal of this circuit has {layout.length}")
    return list(struct.unpack(f">{len(data) // 4}I", data))


def swap_digests(data: bytes, layout: Layout) -> bytes:
    """Turn a native seal into the contract encoding, or back: reverse each 4-byte word of every digest."""
    if len(data) != layout.length:
        raise SealFormatError(f"seal of {len(data)} bytes: a seal of this circuit has {layout.length}")
    out = bytearray(data)
    for field in layout.fields():
        if field.digests:
            count = field.length // 4
            words = struct.unpack_from(f"<{count}I", data, field.offset)
            struct.pack_into(f">{count}I", out, field.offset, *words)
    return bytes(out)
