"""Input files of a task: an array, JSON, or an image where the model takes images."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pnode.errors import InferenceError, ProtocolError
from p2pnode.inference.model import ModelInfo, TensorSpec
from p2pnode.inference.sessions import check_inputs
from p2pnode.models.images import read_image
from p2pnode.protocol.schema import MAX_TENSORS
from p2pnode.protocol.tensors import MAX_RANK, encode_tensors, require_finite

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
INPUT_SUFFIXES = IMAGE_SUFFIXES | {".npy", ".json"}

Array = npt.NDArray[Any]


def input_files(path: Path) -> list[Path]:
    """The file itself, or the inputs in a folder by name. Raises InferenceError when there are none."""
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in INPUT_SUFFIXES)
    if not found:
        raise InferenceError(
            f"folder {path} has no input; put {', '.join(sorted(INPUT_SUFFIXES))} files there"
        )
    return found


def read_inputs(path: Path, info: ModelInfo) -> bytes:
    """The canonically encoded inputs that a file holds. Raises InferenceError.

    `.npy`: the one input of the model, with its exact type. `.json`: an object of nested lists by input
    name, or a bare list for a model with one input; whole numbers where the model takes integers. An image:
    for a model whose metadata says that it takes images.
    """
    suffix = path.suffix.lower()
    if suffix not in INPUT_SUFFIXES:
        raise InferenceError(f"input {path} is of no known kind; give {', '.join(sorted(INPUT_SUFFIXES))}")
    if not path.is_file():
        raise InferenceError(f"input {path} is not a file; check the path")
    if path.stat().st_size > 4 * MAX_TENSORS:
        raise InferenceError(f"input {path} has {path.stat().st_size} bytes; give at most {4 * MAX_TENSORS}")
    if suffix == ".json":
        tensors = _from_json(path, info)
    elif suffix == ".npy":
        tensors = {_only_input(path, info).name: _from_npy(path)}
    else:
        tensors = {_only_input(path, info).name: _from_image(path, info)}
    try:
        check_inputs(info.inputs, tensors)
        require_finite(tensors)
        return encode_tensors(tensors)
    except (InferenceError, ProtocolError) as error:
        raise InferenceError(f"input {path}: {error}") from error


def _only_input(path: Path, info: ModelInfo) -> TensorSpec:
    if len(info.inputs) != 1:
        raise InferenceError(f"input {path} holds one tensor; the model takes {len(info.inputs)}: give .json")
    return info.inputs[0]


def _from_image(path: Path, info: ModelInfo) -> Array:
    if info.image is None:
        raise InferenceError(f"input {path} is an image; this model takes {', '.join(map(str, info.inputs))}")
    return read_image(path, info.image)


def _from_npy(path: Path) -> Array:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InferenceError(f"input {path} is not a .npy array: {error}") from error
    if not isinstance(array, np.ndarray):
        raise InferenceError(f"input {path} is an .npz archive; give one .npy array")
    return array


def _from_json(path: Path, info: ModelInfo) -> dict[str, Array]:
    try:
        text = path.read_bytes()
        _check_nesting(text)
        found = json.loads(text)
    except ValueError as error:
        raise InferenceError(f"input {path} is not JSON: {error}") from error
    values = found if isinstance(found, dict) else {_only_input(path, info).name: found}
    unknown = values.keys() - {spec.name for spec in info.inputs}
    if unknown:
        raise InferenceError(f"input {path} names {sorted(unknown)!r:.200}; the model takes {info.inputs[0]}")
    return {spec.name: _array(path, spec, values[spec.name]) for spec in info.inputs if spec.name in values}


def _check_nesting(text: bytes) -> None:
    """Refuse JSON that nests deeper than any input. Raises ValueError.

    Python's own guard is off: py_ecc, which the chain's and the network's libraries import, raises the
    recursion limit so far that the JSON reader overflows the stack before it.
    """
    outside = np.frombuffer(re.sub(rb'"(?:[^"\\]|\\.)*"', b"", text), np.uint8)
    steps = np.isin(outside, [*b"[{"]).astype(np.int8) - np.isin(outside, [*b"]}"]).astype(np.int8)
    if steps.size and steps.cumsum(dtype=np.int64).max() > MAX_RANK + 2:
        raise ValueError(f"it nests deeper than a tensor of rank {MAX_RANK}")


def _array(path: Path, spec: TensorSpec, value: object) -> Array:
    wanted = np.dtype(spec.dtype)
    try:
        plain = np.array(value)
        # A fraction or a number out of range must not be rounded or wrapped in silence.
        with np.errstate(invalid="ignore", over="ignore"):
            array = plain.astype(wanted)
        if plain.dtype.kind not in "biuf" or (wanted.kind != "f" and not np.array_equal(plain, array)):
            raise ValueError("its numbers do not fit")
    except (ValueError, TypeError, OverflowError) as error:
        raise InferenceError(f"input {path}: {spec.name} cannot be read as {spec}: {error}") from error
    return array
