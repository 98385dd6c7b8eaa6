"""A graph that is being rewritten: values by name, who makes and who reads them.

Constants are numpy arrays by name, wherever the file keeps them; nodes stay sorted because a replacement
takes the place of the last node that it replaces.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from p2pnode.inference.operators import MICROSOFT_DOMAIN, MICROSOFT_OPSET

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Dequantised:
    """A float value that stands for `scale * (integers - zero_point)`; `axis` where the scale is a list."""

    integers: str
    scale: Array
    zero_point: Array
    axis: int

    @property
    def is_single(self) -> bool:
        """One scale for the whole tensor."""
        return self.scale.size == 1

    def same_as(self, other: "Dequantised") -> bool:
        """Whether equal integers stand for equal floats."""
        return (
            self.is_single
            and other.is_single
            and self.scale.item() == other.scale.item()
            and self.zero_point.dtype == other.zero_point.dtype
            and self.zero_point.item() == other.zero_point.item()
        )


def spread(scale: Array, by: Dequantised, weights: Array) -> Array:
    """Scales or zero points, shaped to meet the values that they are of."""
    shape = [1] * weights.ndim
    if not by.is_single:
        shape[by.axis] = -1
    return scale.reshape(shape)


def quantised(value: Array, into: Dequantised) -> Array:
    """QuantizeLinear in numpy, float32 throughout."""
    scale, zero_point = (spread(one, into, value) for one in (into.scale, into.zero_point))
    limits = np.iinfo(into.zero_point.dtype)
    steps = np.rint(value.astype(np.float32) / scale) + zero_point.astype(np.float32)
    integers: Array = np.clip(steps, limits.min, limits.max).astype(into.zero_point.dtype)
    return integers


class Rewriting:
    """A copy of `model` to change; `finish` gives the result."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        self.constants: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.nodes: list[onnx.NodeProto] = []
        for node in self._model.graph.node:
            if node.op_type == "Constant" and len(node.attribute) == 1 and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            else:
                self.nodes.append(node)
        self.outputs = [value.name for value in model.graph.output]
        self._taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
        self._taken |= self.constants.keys() | {value.name for value in model.graph.input}
        self._index()

    def _index(self) -> None:
        self._producers = {name: node for node in self.nodes for name in node.output if name}
        self._readers = Counter(self.outputs)
        for node in self.nodes:
            self._readers.update(node.input)

    def producer(self, name: str) -> onnx.NodeProto | None:
        """The node that makes a value; None for inputs and constants."""
        return self._producers.get(name)

    def readers(self, name: str) -> int:
        """How many places read a value, the graph's outputs among them."""
        return self._readers[name]

    def constant(self, name: str) -> Array | None:
        """A constant's value."""
        return self.constants.get(name)

    def add_constant(self, near: str, value: Array) -> str:
        """A new constant, named after a value that it serves."""
        name = self.fresh(near)
        self.constants[name] = value
        return name

    def fresh(self, near: str) -> str:
        """A name that is not taken."""
        number = 0
        while (name := f"{near}/{number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name

    def replace(self, old: onnx.NodeProto, new: Sequence[onnx.NodeProto]) -> None:
        """Put nodes in the place of one."""
        at = next(index for index, node in enumerate(self.nodes) if node is old)
        self.nodes[at : at + 1] = new
        self._index()

    def rename(self, old: str, new: str) -> None:
        """Have everything that reads or makes `old` do so with `new`."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    if name == old:
                        names[index] = new
        self._index()

    def dequantised(self, name: str) -> Dequantised | None:
        """What a value is if a DequantizeLinear of constant parameters makes it."""
        node = self.producer(name)
        if node is None or node.op_type != "DequantizeLinear" or node.domain not in ("", "ai.onnx"):
            return None
        return self.parameters(node)

    def parameters(self, node: onnx.NodeProto) -> Dequantised | None:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear, with its input's name.

        None where they are computed, or in blocks.
        """
        scale = self.constant(node.input[1])
        if scale is None or scale.dtype != np.float32 or attribute(node, "block_size", 0):
            return None
        if len(node.input) > 2 and node.input[2]:
            zero_point = self.constant(node.input[2])
        else:
            kind = self._default_type(node)
            zero_point = None if kind is None else np.zeros(scale.shape, kind)
        if zero_point is None or zero_point.size != scale.size:
            return None
        return Dequantised(node.input[0], scale, zero_point, attribute(node, "axis", 1))

    def _default_type(self, node: onnx.NodeProto) -> np.dtype[Any] | None:
        """Type of the integers where no zero point gives it."""
        integers, made_by = self.constant(node.input[0]), self.producer(node.input[0])
        if integers is not None and node.op_type == "DequantizeLinear":
            return integers.dtype
        quantize = node if node.op_type == "QuantizeLinear" else made_by
        if quantize is None or quantize.op_type != "QuantizeLinear" or attribute(quantize, "output_dtype", 0):
            return None
        return np.dtype(np.uint8)

    def finish(self) -> onnx.ModelProto:
        """The model with what is still used, weights as initialisers."""
        used = set(self.outputs)
        kept: list[onnx.NodeProto] = []
        for node in reversed(self.nodes):
            if used & set(node.output):
                kept.append(node)
                used |= {name for name in node.input if name}
        graph = self._model.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(reversed(kept))
        graph.initializer.extend(
            numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in used
        )
        inputs = [value for value in graph.input if value.name not in self.constants]
        del graph.input[:]
        graph.input.extend(inputs)
        _import_microsoft(self._model, kept)
        return self._model

    @property
    def graph(self) -> onnx.GraphProto:
        """Inputs and outputs as declared."""
        return self._model.graph


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """An attribute's value."""
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


def _import_microsoft(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    needed = {node.domain for node in nodes}
    kept = [one for one in model.opset_import if one.domain in needed | {"", "ai.onnx"}]
    if MICROSOFT_DOMAIN in needed and all(one.domain != MICROSOFT_DOMAIN for one in kept):
        kept.append(helper.make_opsetid(MICROSOFT_DOMAIN, MICROSOFT_OPSET))
    imports = [helper.make_opsetid(one.domain, one.version) for one in kept]
    del model.opset_import[:]
    model.opset_import.extend(imports)
