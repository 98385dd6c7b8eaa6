"""How long a run may take, by the shapes of its values: about one step a multiplication and addition.

The same limit as `circuits_guest/onnx/src/ops/steps.rs`, counted without running.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import onnx
from onnx import helper

MAX_STEPS = 1 << 36
"""Most steps of one run: minutes, far beyond what can be proved."""

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]
Shapes = list[Shape]


def _product(attributes: Attributes, inputs: Shapes, output: Shape) -> int:
    left = inputs[0]
    return prod(output) * prod(left[:1] if attributes.get("transA") else left[-1:])


def _convolution(_attributes: Attributes, inputs: Shapes, output: Shape) -> int:
    # The filters: of Conv and ConvInteger the second input, of QLinearConv the fourth.
    filters = inputs[3] if len(inputs) > 4 else inputs[1]
    return prod(output) * prod(filters[1:])


def _transposed(_attributes: Attributes, inputs: Shapes, _output: Shape) -> int:
    return prod(inputs[0]) * prod(inputs[1][1:])


def _window(attributes: Attributes, _inputs: Shapes, output: Shape) -> int:
    return prod(output) * prod(attributes.get("kernel_shape", ()))


def _einsum(attributes: Attributes, inputs: Shapes, _output: Shape) -> int:
    """A term for each combination of places along all labels, a multiplication for each operand."""
    sizes: dict[str | int, int] = {}
    terms = attributes.get("equation", b"").decode(errors="replace").partition("->")[0].replace(" ", "")
    for term, dims in zip(terms.split(","), inputs, strict=False):
        before, dots, after = term.partition("...")
        hidden = max(len(dims) - len(before) - len(after), 0) if dots else 0
        # Dims under an ellipsis are counted from the last one.
        for label, size in zip([*before, *range(-hidden, 0), *after], dims, strict=False):
            sizes[label] = max(size, sizes.get(label, 1))
    return prod(sizes.values()) * len(inputs)


def _local_response(attributes: Attributes, inputs: Shapes, output: Shape) -> int:
    size: int = attributes.get("size", 1)
    return prod(output) * min(size, max(inputs[0][1:2], default=1))


def _recurrent(_attributes: Attributes, inputs: Shapes, _output: Shape) -> int:
    steps, weights, recurrences = inputs[:3]
    return prod(steps[:2]) * prod(weights[:2]) * (prod(weights[-1:]) + prod(recurrences[-1:]))


_COUNTS: dict[str, Callable[[Attributes, Shapes, Shape], int]] = {
    "AveragePool": _window,
    "Conv": _convolution,
    "ConvInteger": _convolution,
    "ConvTranspose": _transposed,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _product,
    "LRN": _local_response,
    "LSTM": _recurrent,
    "MatMul": _product,
    "MatMulInteger": _product,
    "MaxPool": _window,
    "QLinearConv": _convolution,
    "QLinearMatMul": _product,
    "RNN": _recurrent,
}


def steps_of(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Steps of a node of which all shapes are known, beyond those that its elements take."""
    count = _COUNTS.get(node.op_type)
    output = next((shapes[name] for name in node.output if name), ())
    if node.domain or count is None:
        return 0
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return count(attributes, [shapes.get(name, ()) for name in node.input], output)
