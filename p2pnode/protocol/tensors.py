"""Canonical encoding of named tensors.

`u32le count`, then per tensor in graph order: `u32le name_len | name utf-8 | u32le dtype | u32le rank |
u32le dims[rank] | data`, data row-major little-endian without padding. dtype is ONNX's TensorProto.DataType.
The SHA-256 of this encoding is the input or output digest that a proof commits to.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pnode.errors import ProtocolError
from p2pnode.protocol.schema import MAX_TENSORS

MAX_COUNT = 64
MAX_RANK = 8
MAX_NAME = 256

_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def tensors_digest(encoded: bytes) -> bytes:
    """SHA-256 of encoded tensors."""
    return hashlib.sha256(encoded).digest()


def encode_tensors(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Encode in the mapping's order. Raises ProtocolError for a type or size the protocol lacks."""
    if len(tensors) > MAX_COUNT:
        raise ProtocolError(f"there are {len(tensors)} tensors; give at most {MAX_COUNT}")
    parts = [_u32(len(tensors))]
    for name, array in tensors.items():
        encoded_name = name.encode(errors="replace")
        if not 1 <= len(encoded_name) <= MAX_NAME:
            raise ProtocolError(f"tensor name has {len(encoded_name)} bytes; give 1 to {MAX_NAME}")
        code = _CODES.get(array.dtype.newbyteorder("<"))
        if code is None:
            supported = ", ".join(str(dtype.name) for dtype in _CODES)
            raise ProtocolError(f"tensor {name!r} has type {array.dtype}; give one of {supported}")
        if array.ndim > MAX_RANK:
            raise ProtocolError(f"tensor {name!r} has rank {array.ndim}; give at most {MAX_RANK}")
        parts += [_u32(len(encoded_name)), encoded_name, _u32(code), _u32(array.ndim)]
        parts += [_u32(size) for size in array.shape]
        parts.append(array.astype(_DTYPES[code], order="C", copy=False).tobytes())
    encoded = b"".join(parts)
    if len(encoded) > MAX_TENSORS:
        raise ProtocolError(f"tensors take {len(encoded)} bytes; give at most {MAX_TENSORS}")
    return encoded


def decode_tensors(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Read-only arrays over `data`, by name in graph order. Raises ProtocolError."""
    if len(data) > MAX_TENSORS:
        raise ProtocolError(f"tensors take {len(data)} bytes; give at most {MAX_TENSORS}")
    reader = _Reader(data)
    count = reader.u32("count")
    if count > MAX_COUNT:
        raise ProtocolError(f"count is {count} tensors; give at most {MAX_COUNT}")
    tensors: dict[str, npt.NDArray[Any]] = {}
    for index in range(count):
        name, array = reader.tensor(f"tensor {index}")
        if name in tensors:
            raise ProtocolError(f"tensor {index} has the name {name!r} of one before it; give each name once")
        tensors[name] = array
    if reader.at != len(data):
        raise ProtocolError(f"tensors have {len(data) - reader.at} bytes after their end; give none")
    return tensors


def require_finite(tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Refuse NaN and infinity, on which no two runtimes agree. Raises ProtocolError."""
    for name, array in tensors.items():
        if array.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(array))
            if bad.size:
                where = tuple(int(i) for i in np.unravel_index(int(bad[0]), array.shape))
                raise ProtocolError(f"tensor {name!r} has {array[where]} at {where}; give finite numbers")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def u32(self, what: str) -> int:
        return int.from_bytes(self._take(4, what), "little")

    def tensor(self, which: str) -> tuple[str, npt.NDArray[Any]]:
        length = self.u32(f"{which} name length")
        if not 1 <= length <= MAX_NAME:
            raise ProtocolError(f"{which} has a name of {length} bytes; give 1 to {MAX_NAME}")
        try:
            name = self._take(length, f"{which} name").decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"{which} has a name that is not UTF-8") from None
        code = self.u32(f"{which} dtype")
        if code not in _DTYPES:
            raise ProtocolError(f"{which} {name!r} has dtype {code}; give one of {sorted(_DTYPES)}")
        rank = self.u32(f"{which} rank")
        if rank > MAX_RANK:
            raise ProtocolError(f"{which} {name!r} has rank {rank}; give at most {MAX_RANK}")
        dims = tuple(self.u32(f"{which} dims") for _ in range(rank))
        dtype = _DTYPES[code]
        raw = self._take(math.prod(dims) * dtype.itemsize, f"{which} {name!r} data")
        if code == _CODES[np.dtype("?")] and raw.strip(b"\x00\x01"):
            raise ProtocolError(f"{which} {name!r} has a BOOL that is neither 0 nor 1")
        return name, self._array(raw, dtype, dims, f"{which} {name!r}")

    def _array(self, raw: bytes, dtype: np.dtype[Any], dims: tuple[int, ...], which: str) -> npt.NDArray[Any]:
        try:
            return np.frombuffer(raw, dtype).reshape(dims)
        except ValueError as error:
            # An empty tensor with other dims so large that their product overflows numpy's index type.
            raise ProtocolError(f"{which} has dims {dims}, which no array can have: {error}") from error

    def _take(self, length: int, what: str) -> bytes:
        left = len(self._data) - self.at
        if length > left:
            raise ProtocolError(f"{what} wants {length} bytes and {left} are left")
        self.at += length
        return self._data[self.at - length : self.at]


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")
