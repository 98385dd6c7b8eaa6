"""The canonical tensor encoding: its exact bytes, and refusals that name the tensor."""

import struct

import numpy as np
import pytest

from p2pnode.errors import ProtocolError
from p2pnode.protocol.tensors import decode_tensors, encode_tensors, require_finite, tensors_digest

ONE = encode_tensors({"x": np.array([[1, -2]], "i1")})


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def test_layout() -> None:
    assert u32(1, 1) + b"x" + u32(3, 2, 1, 2) + b"\x01\xfe" == ONE
    assert tensors_digest(ONE).hex() == "f937ea76495d1d0e392a146d4df507e61759714469bab83c0fc951377cbf950b"


@pytest.mark.parametrize(
    "dtype", ["f4", "u1", "i1", "u2", "i2", "i4", "i8", "?", "f2", "f8", "u4", "u8", ">f4"]
)
def test_every_type_round_trips_in_order(dtype: str) -> None:
    tensors = {"b": np.arange(6).reshape(2, 3).T.astype(dtype), "a": np.array(1).astype(dtype)}
    found = decode_tensors(encode_tensors(tensors))
    assert list(found) == ["b", "a"]
    for name, array in tensors.items():
        assert np.array_equal(found[name], array)
        assert found[name].shape == array.shape


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "count wants 4 bytes and 0 are left"),
        (ONE + b"\0", "1 bytes after their end"),
        (ONE[:-1], "tensor 0 'x' data wants 2 bytes and 1 are left"),
        (u32(65), "count is 65 tensors; give at most 64"),
        (u32(1, 0), "name of 0 bytes"),
        (u32(1, 257), "name of 257 bytes"),
        (u32(1, 1) + b"\xff", "not UTF-8"),
        (u32(1, 1) + b"x" + u32(8, 0), "dtype 8"),
        (u32(1, 1) + b"x" + u32(3, 9), "rank 9; give at most 8"),
        (u32(1, 1) + b"x" + u32(7, 8) + u32(*[2**32 - 1] * 8), "are left"),
        (u32(1, 1) + b"x" + u32(7, 8) + u32(0, *[2**32 - 1] * 7), "which no array can have"),
        (u32(1, 1) + b"x" + u32(9, 1, 3) + b"\1\2\0", "neither 0 nor 1"),
        (u32(2) + ONE[4:] + ONE[4:], "name 'x' of one before it"),
    ],
)
def test_bad_bytes_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        decode_tensors(data)


def test_unsupported_arrays_are_refused() -> None:
    with pytest.raises(ProtocolError, match="tensor 'x' has type complex128"):
        encode_tensors({"x": np.zeros(1, complex)})
    with pytest.raises(ProtocolError, match="rank 9"):
        encode_tensors({"x": np.zeros((1,) * 9)})
    with pytest.raises(ProtocolError, match="65 tensors"):
        encode_tensors({str(i): np.zeros(1) for i in range(65)})
    with pytest.raises(ProtocolError, match="name has 0 bytes"):
        encode_tensors({"": np.zeros(1)})
    with pytest.raises(ProtocolError, match="give at most 16777216"):
        encode_tensors({"x": np.zeros(16 * 1024 * 1024, "u1")})


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_named(bad: float) -> None:
    array = np.zeros((2, 3), "f4")
    require_finite({"x": array, "y": np.zeros(3, "i8")})
    array[1, 2] = bad
    with pytest.raises(ProtocolError, match=rf"tensor 'x' has {bad} at \(1, 2\)"):
        require_finite({"x": array})
