"""The calldata encoding: one for each seal, one seal for each."""

from __future__ import annotations

import struct

import pytest
from stark import encode
from stark.layout import Layout

from tests.unit.onchain.stark_proofs import Proof


def test_fields_tile_the_seal(layout: Layout) -> None:
    end = 0
    for field in layout.fields():
        assert field.offset == end
        end += field.length
    assert end == layout.length == 130_672


def test_encoding_is_its_own_inverse(proof: Proof, layout: Layout) -> None:
    native = struct.pack(f">{len(proof.words)}I", *proof.words)
    encoded = encode.swap_digests(native, layout)
    assert encoded != native
    assert encode.swap_digests(encoded, layout) == native
    for field in layout.fields():
        a, b = (data[field.offset : field.offset + field.length] for data in (native, encoded))
        assert (a == b) == (not field.digests)


@pytest.mark.parametrize("change", [-1, 1, 4])
def test_other_lengths_are_refused(layout: Layout, change: int) -> None:
    data = bytes(layout.length + change)
    with pytest.raises(encode.SealFormatError, match=str(layout.length)):
        encode.parse_native(data, layout)
    with pytest.raises(encode.SealFormatError, match=str(layout.length)):
        encode.swap_digests(data, layout)
