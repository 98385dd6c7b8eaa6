"""Shape arithmetic of exported models, computed before a run within hard limits.

Exporters write what PyTorch or TensorFlow computed about shapes as nodes: Shape, Gather, Concat and Reshape
where the source had `x.view(x.size(0), -1)`. With the shapes of the inputs known, such chains are constants.
Only what is exact is computed, as the interpreter and ONNX Runtime both compute it: integers modulo 2^64,
division toward zero, single float32 operations. Whatever has no such answer is left unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from p2pnode.inference.steps import Shape

Array = npt.NDArray[Any]

MAX_FOLDED = 64
"""Most elements of a value that is computed here: a shape has at most eight."""

_DTYPES = (np.int32, np.int64, np.bool_, np.float32)


class UnknownValue(Exception):
    """The value has no exact answer that every runtime agrees on, or none that is computed here."""


def fold(node: onnx.NodeProto, inputs: Sequence[Array | None], shapes: Sequence[Shape]) -> list[Array]:
    """Outputs of a node of ai.onnx whose inputs are all known; `shapes` are those inferred for them.

    Raises UnknownValue.
    """
    if node.op_type not in _FOLDS or any(np.prod(shape, dtype=float) > MAX_FOLDED for shape in shapes):
        raise UnknownValue
    if any(array is not None and array.dtype not in _DTYPES for array in inputs):
        raise UnknownValue
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    try:
        with np.errstate(all="ignore"):
            found = _FOLDS[node.op_type](attributes, inputs, shapes)
    except (ValueError, IndexError, TypeError) as error:
        raise UnknownValue from error
    out = [np.asarray(array) for array in (found if isinstance(found, list) else [found])]
    if [array.shape for array in out] != list(shapes) or any(a.dtype not in _DTYPES for a in out):
        raise UnknownValue
    return out


def shape_of(node: onnx.NodeProto, dims: Shape) -> Array:
    """The output of Shape or Size over a value of these dims."""
    if node.op_type == "Size":
        return np.asarray(np.prod(dims, dtype=np.int64))
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return np.asarray(dims[bounds.get("start", 0) : bounds.get("end")], np.int64)


Attributes = Mapping[str, Any]
Inputs = Sequence[Any]
Fold = Callable[[Attributes, Inputs, Sequence[Shape]], Any]


def _elementwise(function: Callable[..., Any]) -> Fold:
    return lambda _attributes, inputs, _shapes: function(*inputs)


def _reshaped(_attributes: Attributes, inputs: Inputs, shapes: Sequence[Shape]) -> Array:
    return np.reshape(inputs[0], shapes[0])


def _constant(attributes: Attributes, _inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
    ((name, value),) = attributes.items()
    if name == "value":
        return numpy_helper.to_array(value)
    kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32}
    return np.asarray(value, kinds.get(name, np.float32))


def _cast(attributes: Attributes, inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
    target = helper.tensor_dtype_to_np_dtype(attributes["to"])
    (x,) = inputs
    if x.dtype.kind == "f" and target.kind == "i":
        limits = np.iinfo(target)
        # Both ends are powers of two, so that float64 holds them exactly.
        if not np.all((x >= float(limits.min)) & (x < float(limits.max) + 1)):
            raise UnknownValue
    if x.dtype.kind == "i" and target.kind == "i" and not np.array_equal(x.astype(target), x):
        raise UnknownValue
    return np.asarray(x.astype(target))


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not np.all(b):
        raise UnknownValue
    quotient = a // b
    return np.asarray(quotient + ((a - quotient * b != 0) & ((a < 0) != (b < 0))).astype(a.dtype))


def _modulo(attributes: Attributes, inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
    a, b = inputs
    if a.dtype.kind == "f" or not np.all(b):
        raise UnknownValue
    return np.asarray(np.fmod(a, b) if attributes.get("fmod", 0) else np.mod(a, b))


def _slice(attributes: Attributes, inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
    x, starts, ends, axes, steps = (*inputs, None, None)[:5]
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones(len(starts), np.int64) if steps is None else steps
    places = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size, backward = x.shape[axis], step < 0
        first, last = (int(place) + size if place < 0 else int(place) for place in (start, end))
        first = min(max(first, 0), size - 1 if backward else size)
        last = max(last, -1) if backward else last
        # A slice of Python that runs down to the first element has no end.
        stop = None if backward and last == -1 else min(max(last, 0), size)
        places[axis] = slice(first, stop, int(step))
    return np.asarray(x[tuple(places)])


def _gather(attributes: Attributes, inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
    x, indices = inputs
    return np.asarray(np.take(x, indices, axis=attributes.get("axis", 0)))


def _split(attributes: Attributes, inputs: Inputs, shapes: Sequence[Shape]) -> list[Array]:
    axis = attributes.get("axis", 0)
    ends = np.cumsum([shape[axis] for shape in shapes])[:-1]
    return list(np.split(inputs[0], ends, axis))


def _filled(attributes: Attributes, _inputs: Inputs, shapes: Sequence[Shape]) -> Array:
    value = numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.zeros(1, np.float32)
    return np.full(shapes[0], value.ravel()[0], value.dtype)


def _range(_attributes: Attributes, inputs: Inputs, shapes: Sequence[Shape]) -> Array:
    start, _, delta = inputs
    if start.dtype.kind == "f":
        raise UnknownValue
    return np.asarray(start + np.arange(*shapes[0], dtype=start.dtype) * delta)


def _reduced(function: Callable[..., Any]) -> Fold:
    def folded(attributes: Attributes, inputs: Inputs, _shapes: Sequence[Shape]) -> Array:
        x = inputs[0]
        if x.dtype.kind not in "i":
            raise UnknownValue
        axes = inputs[1] if len(inputs) > 1 and inputs[1] is not None else attributes.get("axes", ())
        if not len(axes) and attributes.get("noop_with_empty_axes", 0):
            return np.asarray(x)
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(function(x, axis=tuple(map(int, axes)) or None, keepdims=keep), x.dtype)

    return folded


_FOLDS: dict[str, Fold] = {
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "And": _elementwise(np.logical_and),
    "Cast": _cast,
    "Ceil": _elementwise(np.ceil),
    "Concat": lambda attributes, inputs, _: np.concatenate(inputs, attributes["axis"]),
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Div": _elementwise(_divide),
    "Equal": _elementwise(np.equal),
    "Expand": lambda _, inputs, shapes: np.broadcast_to(inputs[0], shapes[0]),
    "Flatten": _reshaped,
    "Floor": _elementwise(np.floor),
    "Gather": _gather,
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "Identity": _reshaped,
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Max": lambda _, inputs, shapes: np.max(np.broadcast_arrays(*inputs), axis=0).reshape(shapes[0]),
    "Min": lambda _, inputs, shapes: np.min(np.broadcast_arrays(*inputs), axis=0).reshape(shapes[0]),
    "Mod": _modulo,
    "Mul": _elementwise(np.multiply),
    "Neg": _elementwise(np.negative),
    "Not": _elementwise(np.logical_not),
    "Or": _elementwise(np.logical_or),
    "Range": _range,
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Reshape": _reshaped,
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _elementwise(np.sqrt),
    "Squeeze": _reshaped,
    "Sub": _elementwise(np.subtract),
    "Tile": lambda _, inputs, __: np.tile(inputs[0], inputs[1]),
    "Transpose": lambda attributes, inputs, _: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": _reshaped,
    "Where": _elementwise(np.where),
}

OPERATORS = frozenset({*_FOLDS, "Shape", "Size"})
"""Operators of ai.onnx that are computed here."""
