"""Graphs node by node as exporters write them, with shapes that are computed from other shapes.

PyTorch's `torch.onnx.export` (the TorchScript exporter) turns `x.view(x.size(0), -1)`, `expand`, `F.pad` and
`F.interpolate` into the chains below; tf2onnx computes shapes in int32. Batch and sequence are open dims.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.unit.onnx_runner import Arrays

Job = tuple[onnx.ModelProto, Arrays]

LARGEST_INT64 = (1 << 63) - 1


class Export:
    """Collects nodes and weights under the names that exporters give: a counter."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def op(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Append a node and return the name of its output, or of its outputs."""
        names = [f"/{operator}_{len(self.nodes)}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """A Constant node."""
        name: str = self.op("Constant", value=numpy_helper.from_array(np.asarray(value, dtype)))
        return name

    def weight(self, *shape: int) -> str:
        """A weight of random values."""
        values = self.rng.normal(0, 0.3, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, f"onnx::MatMul_{len(self.weights)}"))
        return self.weights[-1].name

    def size(self, x: str, axis: int) -> str:
        """`x.size(axis)`."""
        name: str = self.op("Gather", self.op("Shape", x), self.constant(axis), axis=0)
        return name

    def listed(self, *parts: str | int) -> str:
        """Sizes, as scalars or numbers, in one list."""
        axes = self.constant([0])
        lists = [
            self.op("Unsqueeze", part if isinstance(part, str) else self.constant(part), axes)
            for part in parts
        ]
        name: str = self.op("Concat", *lists, axis=0)
        return name

    def view(self, x: str, *parts: str | int) -> str:
        """`x.view(...)`."""
        name: str = self.op("Reshape", x, self.listed(*parts))
        return name

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """`nn.Linear` on more than two dims."""
        name: str = self.op("Add", self.weight(outputs), self.op("MatMul", x, self.weight(inputs, outputs)))
        return name

    def layer_norm(self, x: str, width: int) -> str:
        """`nn.LayerNorm` before opset 17."""
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        squares = self.op("Pow", centred, self.constant(2, np.float32))
        variance = self.op("ReduceMean", squares, axes=[-1])
        root = self.op("Sqrt", self.op("Add", variance, self.constant(1e-5, np.float32)))
        scaled = self.op("Mul", self.op("Div", centred, root), self.weight(width))
        name: str = self.op("Add", scaled, self.weight(width))
        return name

    def gelu(self, x: str) -> str:
        """`nn.GELU` before opset 20."""
        inner = self.op("Erf", self.op("Div", x, self.constant(2**0.5, np.float32)))
        whole = self.op("Mul", x, self.op("Add", inner, self.constant(1, np.float32)))
        name: str = self.op("Mul", whole, self.constant(0.5, np.float32))
        return name

    def expand(self, x: str, *parts: str | int) -> str:
        """`x.expand(...)`: -1 stands for the size that is there."""
        wanted = self.listed(*parts)
        ones = self.op("ConstantOfShape", self.op("Shape", wanted), value=helper.make_tensor("", 7, [1], [1]))
        kept = self.op("Equal", wanted, self.op("Mul", ones, self.constant(-1)))
        name: str = self.op("Expand", x, self.op("Where", kept, ones, wanted))
        return name

    def model(self, inputs: Arrays, dims: dict[str, list[int | str]], result: str, opset: int) -> Job:
        """The graph with one output of open dims, and the inputs to run it on."""
        kinds = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in inputs.items()}
        rank = onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        self.nodes.append(helper.make_node("Identity", [result], ["y"]))
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info(name, kinds[name], dims[name]) for name in inputs],
            [rank],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), inputs

    def images(self, *shape: int) -> Arrays:
        """An input of random pixels."""
        return {"input": self.rng.random(shape, np.float32)}


def cnn_with_a_flatten(batch: int) -> Job:
    """`torch.flatten` by size: Shape, Gather, Concat, Reshape."""
    e = Export(1)
    x = e.op("Relu", e.op("Conv", "input", e.weight(4, 3, 3, 3), e.weight(4), pads=[1, 1, 1, 1]))
    x = e.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = e.view(x, e.size(x, 0), -1)
    y = e.op("Gemm", x, e.weight(5, 64), e.weight(5), transB=1)
    return e.model(e.images(batch, 3, 8, 8), {"input": ["batch", 3, 8, 8]}, y, 13)


def encoder(batch: int, length: int) -> Job:
    """Embedding and one block as in BERT: heads by view, a mask by expand, positions by a slice."""
    e, width, heads = Export(2), 16, 4
    sizes = e.size("input_ids", 0), e.size("input_ids", 1)
    table = numpy_helper.from_array(np.arange(128, dtype=np.int64)[None], "position_ids")
    e.weights.append(table)
    ends = e.op("Unsqueeze", sizes[1], e.constant([0]))
    places = e.op("Slice", "position_ids", e.constant([0]), ends, e.constant([1]), e.constant([1]))
    x = e.op(
        "Add", e.op("Gather", e.weight(50, width), "input_ids"), e.op("Gather", e.weight(128, width), places)
    )
    x = e.layer_norm(x, width)
    mask = e.op("Unsqueeze", e.op("Unsqueeze", "attention_mask", e.constant([1])), e.constant([2]))
    mask = e.op("Cast", e.expand(mask, sizes[0], 1, sizes[1], sizes[1]), to=TensorProto.FLOAT)
    mask = e.op("Mul", e.op("Sub", e.constant(1, np.float32), mask), e.constant(-10000, np.float32))

    def split(perm: list[int]) -> str:
        y = e.linear(x, width, width)
        name: str = e.op("Transpose", e.view(y, e.size(y, 0), e.size(y, 1), heads, width // heads), perm=perm)
        return name

    query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
    root = e.op("Sqrt", e.op("Cast", e.size(query, 3), to=TensorProto.FLOAT))
    scores = e.op("Add", e.op("Div", e.op("MatMul", query, key), root), mask)
    mixed = e.op("MatMul", e.op("Softmax", scores, axis=-1), value)
    mixed = e.op("Transpose", mixed, perm=[0, 2, 1, 3])
    x = e.layer_norm(
        e.op("Add", e.linear(e.view(mixed, e.size(mixed, 0), e.size(mixed, 1), width), width, width), x),
        width,
    )
    x = e.layer_norm(e.op("Add", e.linear(e.gelu(e.linear(x, width, 32)), 32, width), x), width)
    inputs = {
        "input_ids": e.rng.integers(0, 50, (batch, length)),
        "attention_mask": np.tril(np.ones((length, length), np.int64))[-batch:],
    }
    open_dims: list[int | str] = ["batch", "sequence"]
    return e.model(inputs, dict.fromkeys(inputs, open_dims), x, 13)


def decoder(batch: int, length: int) -> Job:
    """Attention as in GPT-2: one product for q, k and v, and a causal mask sliced out of a buffer."""
    e, width, heads = Export(3), 12, 3
    e.weights.append(
        numpy_helper.from_array(np.tril(np.ones((1, 1, 32, 32), np.bool_)), "transformer.h.0.attn.bias")
    )
    x = e.op("Gather", e.weight(40, width), "input_ids")
    flat = e.view(x, -1, e.size(x, 2))
    joint = e.op("Gemm", flat, e.weight(width, 3 * width), e.weight(3 * width))
    joint = e.view(joint, e.size(x, 0), e.size(x, 1), 3 * width)
    parts = e.op("Split", joint, e.constant([width] * 3), outputs=3, axis=2)

    def split(y: str, perm: list[int]) -> str:
        # GPT-2 divides: y.size(-1) // heads.
        last = e.op("Cast", e.op("Div", e.size(y, 2), e.constant(heads)), to=TensorProto.INT64)
        name: str = e.op("Transpose", e.view(y, e.size(y, 0), e.size(y, 1), heads, last), perm=perm)
        return name

    query, key, value = (
        split(parts[0], [0, 2, 1, 3]),
        split(parts[1], [0, 2, 3, 1]),
        split(parts[2], [0, 2, 1, 3]),
    )
    scores = e.op("MatMul", query, key)
    scores = e.op("Div", scores, e.op("Sqrt", e.op("Cast", e.size(value, 3), to=TensorProto.FLOAT)))
    rows, columns = e.size(scores, 2), e.size(scores, 3)
    first = e.op("Unsqueeze", e.op("Sub", columns, rows), e.constant([0]))
    last = e.op("Unsqueeze", columns, e.constant([0]))
    mask = e.op("Slice", "transformer.h.0.attn.bias", first, last, e.constant([2]), e.constant([1]))
    mask = e.op("Slice", mask, e.constant([0]), last, e.constant([3]), e.constant([1]))
    scores = e.op("Where", mask, scores, e.constant(-10000, np.float32))
    mixed = e.op("Transpose", e.op("MatMul", e.op("Softmax", scores, axis=3), value), perm=[0, 2, 1, 3])
    merged = e.op("Mul", e.size(mixed, 2), e.size(mixed, 3))
    y = e.view(mixed, e.size(mixed, 0), e.size(mixed, 1), merged)
    return e.model(
        {"input_ids": e.rng.integers(0, 40, (batch, length))}, {"input_ids": ["batch", "seq"]}, y, 13
    )


def padded_and_resized(batch: int, side: int) -> Job:
    """`F.pad` turns its list of pads around; `F.interpolate` multiplies sizes as floats."""
    e = Export(4)
    pads = e.constant([1, 2, 0, 1])
    count = e.op(
        "Sub", e.op("Mul", e.constant(4), e.constant(2)), e.op("Gather", e.op("Shape", pads), e.constant(0))
    )
    zeros = e.op(
        "ConstantOfShape",
        e.op("Unsqueeze", count, e.constant([0])),
        value=helper.make_tensor("", 7, [1], [0]),
    )
    pairs = e.op("Reshape", e.op("Concat", pads, zeros, axis=0), e.constant([-1, 2]))
    backward = e.op(
        "Slice", pairs, e.constant([-1]), e.constant([-LARGEST_INT64]), e.constant([0]), e.constant([-1])
    )
    order = e.op("Reshape", e.op("Transpose", backward, perm=[1, 0]), e.constant([-1]))
    x = e.op(
        "Pad",
        "input",
        e.op("Cast", order, to=TensorProto.INT64),
        e.constant(0.5, np.float32),
        mode="constant",
    )
    doubled = []
    for axis in (2, 3):
        size = e.op(
            "Cast",
            e.op("Mul", e.op("Cast", e.size(x, axis), to=TensorProto.FLOAT), e.constant(1.5, np.float32)),
            to=TensorProto.FLOAT,
        )
        doubled.append(e.op("Cast", e.op("Floor", size), to=TensorProto.INT64))
    shape = e.op("Slice", e.op("Shape", x), e.constant([0]), e.constant([2]), e.constant([0]))
    sizes = e.op("Concat", shape, e.listed(*doubled), axis=0)
    y = e.op("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
    return e.model(e.images(batch, 2, side, side), {"input": ["batch", 2, "height", "width"]}, y, 13)


def tensorflow_reshape(batch: int, length: int) -> Job:
    """tf2onnx: shapes in int32, strided slices with squeezes, Range over a length, Tile by a list."""
    e = Export(5)
    shape = e.op("Cast", e.op("Shape", "input"), to=TensorProto.INT32)

    def entry(at: int) -> str:
        one = e.op("Slice", shape, e.constant([at]), e.constant([at + 1]), e.constant([0]))
        name: str = e.op("Squeeze", one, e.constant([0]))
        return name

    steps = e.op("Range", e.constant(0, np.int32), entry(1), e.constant(1, np.int32))
    steps = e.op("Unsqueeze", e.op("Cast", steps, to=TensorProto.FLOAT), e.constant([0]))
    repeats = e.op(
        "Concat",
        e.op("Unsqueeze", e.op("Cast", entry(0), to=TensorProto.INT64), e.constant([0])),
        e.constant([1]),
        axis=0,
    )
    places = e.op("Unsqueeze", e.op("Tile", steps, repeats), e.constant([2]))
    x = e.op("Add", "input", places)
    count = e.op(
        "ReduceProd", e.op("Slice", e.op("Shape", x), e.constant([1]), e.constant([3])), axes=[0], keepdims=1
    )
    y = e.op("Reshape", x, e.op("Concat", e.constant([-1]), count, axis=0))
    return e.model(e.images(batch, length, 6), {"input": ["batch", "length", 6]}, y, 13)


def exported() -> dict[str, list[Job]]:
    """Each graph at two sizes of its open dims."""
    return {
        "cnn": [cnn_with_a_flatten(1), cnn_with_a_flatten(3)],
        "encoder": [encoder(1, 5), encoder(2, 7)],
        "decoder": [decoder(1, 4), decoder(2, 9)],
        "pad and resize": [padded_and_resized(1, 4), padded_and_resized(2, 7)],
        "tensorflow": [tensorflow_reshape(1, 3), tensorflow_reshape(4, 5)],
    }
