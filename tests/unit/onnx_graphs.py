"""Random small graphs, drawn from a seed: the operands of the comparisons with ONNX Runtime.

Weights of mixed signedness keep to 7 bits: ONNX Runtime's kernels saturate there on processors
without VNNI.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.unit.onnx_runner import Arrays

Array = npt.NDArray[Any]


def as_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Arrays,
    constants: Arrays,
    output: tuple[str, int],
    opset: int = 21,
) -> onnx.ModelProto:
    values = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in inputs.items()
    ]
    result = helper.make_tensor_value_info(output[0], output[1], None)
    weights = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, "g", values, [result], weights)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def one(value: float, dtype: Any = np.float32) -> Array:
    return np.asarray(value, dtype)


class Draw:
    """Random operands from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def size(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def kind(self) -> Any:
        return (np.uint8, np.int8)[self.size(0, 1)]

    def values(self, dtype: Any, *shape: int, bits: int = 8) -> Array:
        low = 0 if dtype == np.uint8 else -(1 << (bits - 1))
        return self.rng.integers(low, low + (1 << bits), shape).astype(dtype)

    def weights(self, x_type: Any, dtype: Any, *shape: int) -> Array:
        return self.values(dtype, *shape, bits=8 if x_type == dtype else 7)

    def zero(self, dtype: Any, n: int | None = None) -> Array:
        return self.values(dtype, *(() if n is None else (n,)), bits=7)

    def scale(self, n: int | None = None) -> Array:
        return np.asarray(self.rng.uniform(0.001, 0.1, n), np.float32)

    def coarse(self, k: int) -> Array:
        """An output scale that keeps most results off the ends of the range."""
        return np.asarray(self.rng.uniform(0.3, 3) * np.sqrt(k) * 0.05**2 * 40, np.float32)


def qlinear_matmul(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    m, k, n = d.size(1, 9), d.size(1, 200), d.size(1, 33)
    a_type, b_type, y_type = (lambda t: (t, d.kind() if t == np.uint8 else np.int8, t))(d.kind())
    lead = [(), (2,), (2, 3)][d.size(0, 2)]
    per_column = n if d.size(0, 1) else None
    c = {
        "as": d.scale(), "az": d.zero(a_type), "b": d.weights(a_type, b_type, k, n),
        "bs": d.scale(per_column), "bz": d.zero(b_type, per_column), "ys": d.coarse(k), "yz": d.zero(y_type),
    }  # fmt: skip
    inputs = {"a": d.values(a_type, *lead, m, k)}
    node = helper.make_node("QLinearMatMul", ["a", *c], ["y"])
    return as_model([node], inputs, c, ("y", helper.np_dtype_to_tensor_dtype(np.dtype(y_type)))), inputs


def window(d: Draw) -> dict[str, Any]:
    kernel = [d.size(1, 4), d.size(1, 4)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": [d.size(1, 3), d.size(1, 3)]}
    if d.size(0, 2) == 0:
        attributes["auto_pad"] = str(d.rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
        # ONNX Runtime takes no stride past the window there, though ONNX defines it.
        attributes["strides"] = [min(s, k) for s, k in zip(attributes["strides"], kernel, strict=True)]
    else:
        attributes["pads"] = [d.size(0, k - 1) for k in (*kernel, *kernel)]
        attributes["dilations"] = [d.size(1, 2), d.size(1, 2)]
    return attributes


def conv_shapes(d: Draw) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    groups, channels, filters = d.size(1, 3), d.size(1, 4), d.size(1, 7)
    attributes = {**window(d), "group": groups}
    x = (d.size(1, 2), groups * channels, d.size(8, 12), d.size(8, 12))
    return x, (groups * filters, channels, *attributes["kernel_shape"]), attributes


def qlinear_conv(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    x_shape, w_shape, attributes = conv_shapes(d)
    x_type = d.kind()
    w_type = d.kind() if x_type == np.uint8 else np.int8
    filters = w_shape[0]
    per_channel = filters if d.size(0, 1) else None
    w_zero = d.zero(w_type)
    c = {
        "xs": d.scale(), "xz": d.zero(x_type), "w": d.weights(x_type, w_type, *w_shape),
        "ws": d.scale(per_channel), "wz": np.full(() if per_channel is None else (filters,), w_zero, w_type),
        "ys": d.coarse(int(np.prod(w_shape[1:]))), "yz": d.zero(x_type),
    }  # fmt: skip
    if d.size(0, 1):
        c["b"] = d.rng.integers(-5000, 5000, filters).astype(np.int32)
    inputs = {"x": d.values(x_type, *x_shape)}
    node = helper.make_node("QLinearConv", ["x", *c], ["y"], **attributes)
    return as_model([node], inputs, c, ("y", helper.np_dtype_to_tensor_dtype(np.dtype(x_type)))), inputs


def conv_integer(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    x_shape, w_shape, attributes = conv_shapes(d)
    c = {"w": d.values(np.uint8, *w_shape), "xz": d.zero(np.uint8), "wz": d.zero(np.uint8)}
    inputs = {"x": d.values(np.uint8, *x_shape)}
    node = helper.make_node("ConvInteger", ["x", *c], ["y"], **attributes)
    return as_model([node], inputs, c, ("y", TensorProto.INT32)), inputs


def matmul_integer(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    a_type = np.uint8 if d.size(0, 1) else np.int8
    b_type = d.kind() if a_type == np.uint8 else np.int8
    m, k, n = d.size(1, 9), d.size(1, 200), d.size(1, 33)
    c = {"b": d.weights(a_type, b_type, k, n), "az": d.zero(a_type), "bz": d.zero(b_type, n)}
    inputs = {"a": d.values(a_type, d.size(1, 3), m, k)}
    node = helper.make_node("MatMulInteger", ["a", *c], ["y"])
    return as_model([node], inputs, c, ("y", TensorProto.INT32)), inputs


def qgemm(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    m, k, n = d.size(1, 9), d.size(1, 200), d.size(1, 33)
    a_type = d.kind()
    b_type = d.kind() if a_type == np.uint8 else np.int8
    trans_a, trans_b, quantized = d.size(0, 1), d.size(0, 1), d.size(0, 3) > 0
    per_column = n if d.size(0, 1) else None
    shape = (n, k) if trans_b else (k, n)
    c = {
        "as": d.scale(), "az": d.zero(a_type), "b": d.weights(a_type, b_type, *shape),
        "bs": d.scale(per_column), "bz": d.zero(b_type, per_column),
    }  # fmt: skip
    names = ["a", *c, ""]
    if d.size(0, 1):
        names[-1] = "c"
        c["c"] = d.rng.integers(-5000, 5000, (m, n) if d.size(0, 1) else (n,)).astype(np.int32)
    if quantized:
        names += ["ys", "yz"]
        c |= {"ys": d.coarse(k), "yz": d.zero(a_type)}
    inputs = {"a": d.values(a_type, *((k, m) if trans_a else (m, k)))}
    alpha = float(d.rng.choice([1.0, 0.7, 1.3]))
    node = helper.make_node(
        "QGemm", names, ["y"], domain="com.microsoft", alpha=alpha, transA=trans_a, transB=trans_b
    )
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(a_type)) if quantized else TensorProto.FLOAT
    return as_model([node], inputs, c, ("y", kind)), inputs


def quantize(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    """Quantised along an axis, and back."""
    shape = (d.size(1, 3), d.size(1, 5), d.size(1, 40))
    axis = d.size(0, 2)
    n = shape[axis] if d.size(0, 1) else None
    dtype = d.kind()
    c = {"s": d.scale(n), "z": d.zero(dtype, n)}
    x = d.rng.normal(0, 4, shape).astype(np.float32)
    # Some values on exact ties, where rounding to even shows.
    ties = np.round(x / c["s"].flat[0]) * c["s"].flat[0] + c["s"].flat[0] / 2
    inputs = {"x": np.where(d.rng.random(shape) < 0.3, ties, x).astype(np.float32)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=axis),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=axis),
    ]
    return as_model(nodes, inputs, c, ("y", TensorProto.FLOAT)), inputs


def dynamic_quantize(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    inputs = {"x": d.rng.normal(d.rng.normal(0, 3), 2, (d.size(1, 4), d.size(1, 50))).astype(np.float32)}
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    return as_model(nodes, inputs, {}, ("y", TensorProto.FLOAT)), inputs


def quantized_cnn(d: Draw) -> tuple[onnx.ModelProto, Arrays]:
    """Convolution, pooling and a dense layer in integers, as a classifier has them."""
    c: Arrays = {
        "xs": one(0.0625), "xz": one(0, np.uint8), "w": d.values(np.int8, 8, 1, 3, 3, bits=7),
        "ws": d.scale(8), "wz": np.zeros(8, np.int8), "hs": one(0.9), "hz": one(0, np.uint8),
        "b": d.rng.integers(-500, 500, 8).astype(np.int32), "shape": np.array([0, -1]),
        "v": d.values(np.int8, 128, 10, bits=7), "vs": d.scale(), "vz": one(0, np.int8),
        "ys": one(3), "yz": one(128, np.uint8),
    }  # fmt: skip
    inputs = {"x": d.rng.random((d.size(1, 3), 1, 8, 8)).astype(np.float32)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
        helper.make_node(
            "QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "hs", "hz", "b"], ["h"], pads=[1] * 4
        ),
        helper.make_node("MaxPool", ["h"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "shape"], ["f"]),
        helper.make_node("QLinearMatMul", ["f", "hs", "hz", "v", "vs", "vz", "ys", "yz"], ["o"]),
        helper.make_node("DequantizeLinear", ["o", "ys", "yz"], ["y"]),
    ]
    return as_model(nodes, inputs, c, ("y", TensorProto.FLOAT), opset=13), inputs


def float_graphs(d: Draw) -> Iterator[tuple[onnx.ModelProto, Arrays]]:
    def array(*shape: int) -> Array:
        return d.rng.normal(0, 1, shape).astype(np.float32)

    x_shape, w_shape, attributes = conv_shapes(d)
    c: Arrays = {"w": array(*w_shape), "b": array(w_shape[0]), "low": one(-0.5)}
    inputs = {"x": array(*x_shape)}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["h"], **attributes),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Softmax", ["f"], ["s"]),
        helper.make_node("Clip", ["s", "low"], ["y"]),
    ]
    yield as_model(nodes, inputs, c, ("y", TensorProto.FLOAT)), inputs
    m, k, n = d.size(1, 5), d.size(1, 100), d.size(1, 9)
    c = {"b": array(n, k), "c": array(n), "v": array(n, 3)}
    inputs = {"a": array(m, k)}
    nodes = [
        helper.make_node("Gemm", ["a", "b", "c"], ["g"], transB=1, alpha=0.7, beta=1.3),
        helper.make_node("MatMul", ["g", "v"], ["p"]),
        helper.make_node("Div", ["p", "p2"], ["y"]),
    ]
    c["p2"] = array(m, 1) + np.float32(5)
    yield as_model(nodes, inputs, c, ("y", TensorProto.FLOAT)), inputs
    for op in ("MaxPool", "AveragePool"):
        inputs = {"x": array(2, 3, 11, 12)}
        attributes = window(d) | {"ceil_mode": d.size(0, 1)}
        if op == "AveragePool":
            attributes["count_include_pad"] = d.size(0, 1)
        if "auto_pad" in attributes:
            attributes["ceil_mode"] = 0
        node = helper.make_node(op, ["x"], ["y"], **attributes)
        yield as_model([node], inputs, {}, ("y", TensorProto.FLOAT)), inputs
