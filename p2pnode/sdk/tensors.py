"""Arrays as a request of the API carries them, converted to what a model takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from p2pnode.errors import InferenceError
from p2pnode.open_inference import datatype
from p2pnode.sdk.result import Array, Model

InputArray = Any
"""An array, or anything that numpy makes one of; by input name for a model with several inputs."""


def tensors_of(model: Model, inputs: InputArray | Mapping[str, InputArray]) -> list[dict[str, Any]]:
    """The tensors of one request. Raises InferenceError when they do not fit the model."""
    if not isinstance(inputs, Mapping):
        if len(model.inputs) != 1:
            raise InferenceError(f"{model.name} takes {', '.join(model.inputs)}: give a mapping by name")
        inputs = {next(iter(model.inputs)): inputs}
    unknown = [name for name in inputs if name not in model.inputs]
    missing = [name for name in model.inputs if name not in inputs]
    if unknown or missing:
        raise InferenceError(
            f"{model.name} takes exactly {', '.join(model.inputs)}; you gave {', '.join(map(str, inputs))}"
        )
    tensors = []
    for name, (dtype, shape) in model.inputs.items():
        array = _fitting(name, inputs[name], dtype, shape)
        tensor = {"name": name, "datatype": datatype(dtype), "shape": list(array.shape)}
        tensors.append({**tensor, "data": array.flatten().tolist()})
    return tensors


def _fitting(name: str, value: InputArray, dtype: str, shape: tuple[int, ...]) -> Array:
    given = np.asarray(value)
    with np.errstate(invalid="ignore", over="ignore"):
        array = given.astype(dtype)
    if given.dtype.kind not in "biuf" or (array.dtype.kind != "f" and not np.array_equal(given, array)):
        raise InferenceError(f"{name}: {given.dtype} does not fit {dtype}; scale or round it first")
    open_rank = shape == (-1,)
    if not open_rank and array.ndim == len(shape) - 1 and shape[0] in (1, -1):
        # A single sample where the model takes a batch.
        array = array[np.newaxis]
    fits = array.ndim == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, array.shape, strict=False)
    )
    if not (fits or open_rank):
        raise InferenceError(f"{name}: shape is {given.shape}; the model takes {shape} (-1 is any size)")
    return array
