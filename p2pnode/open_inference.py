"""Tensors as the Open Inference Protocol writes them, in JSON or as binary data behind it. Pure.

Source: KServe, "Open Inference Protocol (V2)", and Triton's "Binary Tensor Data Extension": the JSON object
comes first, as long as the header Inference-Header-Content-Length says, then the data of each tensor that
has a parameter `binary_data_size`, row-major and little-endian, in the order of the tensors.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from p2pnode.errors import InferenceError

Array = npt.NDArray[Any]

DATATYPES: Final[Mapping[str, str]] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
"""The protocol's names for the types that ONNX models and proofs have; it has BYTES and BF16 too."""
_NAMES: Final = {dtype: name for name, dtype in DATATYPES.items()}
_MOST_ELEMENTS: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A decoded request. `outputs` are the names asked for, none for all; `binary` those as binary data."""

    request_id: str
    inputs: Mapping[str, Array]
    outputs: tuple[str, ...]
    binary: frozenset[str]
    all_binary: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def is_binary(self, name: str) -> bool:
        """Whether an output is wanted as binary data."""
        return name in self.binary or (self.all_binary and name not in self.outputs)


def datatype(dtype: str) -> str:
    """The protocol's name of a numpy type."""
    return _NAMES[dtype]


def decode_request(body: bytes, header_length: str | None) -> InferRequest:
    """Read a request. Raises InferenceError that names the field."""
    if header_length is not None and not (header_length.isdigit() and int(header_length) <= len(body)):
        raise InferenceError(
            f"Inference-Header-Content-Length is {header_length!r:.40}; give the length of the JSON part, "
            f"at most the body's {len(body)}"
        )
    end = len(body) if header_length is None else int(header_length)
    try:
        found = json.loads(body[:end])
    except (ValueError, RecursionError) as error:
        raise InferenceError(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InferenceError("the body is no JSON object; see /openapi.json")
    inputs = {}
    rest = memoryview(body)[end:]
    for tensor in _objects(found, "inputs"):
        name, array, used = _tensor(tensor, rest)
        if name in inputs:
            raise InferenceError(f"inputs has {name!r:.80} twice")
        inputs[name] = array
        rest = rest[used:]
    if len(rest):
        raise InferenceError(f"{len(rest)} bytes follow the last tensor; its binary_data_size is too small")
    wanted = _objects(found, "outputs", empty=True)
    parameters = _parameters(found)
    return InferRequest(
        request_id=str(found.get("id", ""))[:256],
        inputs=inputs,
        outputs=tuple(_text(tensor, "outputs[].name", tensor.get("name")) for tensor in wanted),
        binary=frozenset(
            str(tensor["name"]) for tensor in wanted if _parameters(tensor).get("binary_data") is True
        ),
        all_binary=parameters.get("binary_data_output") is True,
        parameters=parameters,
    )


def encode_response(
    head: Mapping[str, Any], outputs: Mapping[str, Array], request: InferRequest
) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON part when binary data follows. Raises InferenceError."""
    missing = [name for name in request.outputs if name not in outputs]
    if missing:
        raise InferenceError(f"outputs: the model has no {missing[0]!r:.80}; it gives {', '.join(outputs)}")
    tensors: list[dict[str, Any]] = []
    chunks = []
    for name, array in outputs.items():
        if request.outputs and name not in request.outputs:
            continue
        tensor: dict[str, Any] = {"name": name, "datatype": datatype(array.dtype.name), "shape": array.shape}
        if request.is_binary(name):
            data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
            tensor["parameters"] = {"binary_data_size": len(data)}
            chunks.append(data)
        else:
            tensor["data"] = array.flatten().tolist()
        tensors.append(tensor)
    body = json.dumps({**head, "outputs": tensors}).encode()
    return (b"".join([body, *chunks]), len(body)) if chunks else (body, None)


def _tensor(tensor: Mapping[str, Any], rest: memoryview) -> tuple[str, Array, int]:
    """Name, array, and how many bytes of binary data it took."""
    name = _text(tensor, "inputs[].name", tensor.get("name"))
    dtype = DATATYPES.get(str(tensor.get("datatype")))
    if dtype is None:
        known = ", ".join(DATATYPES)
        raise InferenceError(
            f"{name}: datatype is {tensor.get('datatype')!r:.40}; models here take one of {known}"
        )
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InferenceError(f"{name}: shape is {shape!r:.80}; give a list of sizes")
    count = 1
    for size in shape:
        count *= size
    if count > _MOST_ELEMENTS or len(shape) > 8:
        raise InferenceError(f"{name}: shape {shape!r:.80} is too large; at most 2^24 elements, rank 8")
    size = _parameters(tensor).get("binary_data_size")
    if size is None:
        return name, _from_json(name, tensor.get("data"), dtype, shape), 0
    wanted = count * np.dtype(dtype).itemsize
    if type(size) is not int or size != wanted or size > len(rest):
        raise InferenceError(
            f"{name}: binary_data_size is {size!r:.40}; {shape} of {dtype} has {wanted} bytes, "
            f"and {len(rest)} follow"
        )
    array = np.frombuffer(rest[:size], np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return name, array.astype(dtype), size


def _from_json(name: str, data: Any, dtype: str, shape: Sequence[int]) -> Array:
    try:
        plain = np.array(data)
        if plain.size and plain.dtype.kind not in "biuf":
            raise ValueError("it holds something else than numbers")
        with np.errstate(invalid="ignore", over="ignore"):
            array = plain.astype(dtype)
        # A fraction or a number out of range must not be rounded or wrapped in silence.
        if array.dtype.kind != "f" and not np.array_equal(plain, array):
            raise ValueError("its numbers do not fit the type")
        return array.reshape(tuple(shape))
    except (ValueError, TypeError, OverflowError) as error:
        raise InferenceError(f"{name}: data is no {dtype} of shape {list(shape)}: {error}") from None


def _objects(found: Mapping[str, Any], key: str, *, empty: bool = False) -> list[dict[str, Any]]:
    value = found.get(key, [] if empty else None)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InferenceError(f"{key} is {value!r:.80}; give a list of tensors")
    if len(value) > 64 or not (value or empty):
        raise InferenceError(f"{key} has {len(value)} tensors; give 1 to 64")
    return value


def _parameters(found: Mapping[str, Any]) -> Mapping[str, Any]:
    value = found.get("parameters") or {}
    if not isinstance(value, dict):
        raise InferenceError(f"parameters is {value!r:.80}; give an object")
    return value


def _text(found: Mapping[str, Any], name: str, value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        raise InferenceError(f"{name} is {value!r:.80}; give a text of 1 to 256 letters")
    return value
