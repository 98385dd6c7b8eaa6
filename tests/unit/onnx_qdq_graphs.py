"""QDQ graphs as exporters write them, and what ONNX Runtime makes of a model at each optimisation level."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from tests.unit.onnx_runner import Arrays

LEVELS = (
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
)


def at_level(model: onnx.ModelProto, inputs: Arrays, level: Any) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(one) for one in session.run(None, inputs)]


def as_model(
    nodes: Sequence[onnx.NodeProto], shape: Sequence[int], constants: Arrays, outputs: Sequence[str] = ("y",)
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pair(source: str, target: str, suffix: str) -> list[onnx.NodeProto]:
    """Q and DQ by the constants s<suffix> and z<suffix>."""
    names = [f"s{suffix}", f"z{suffix}"]
    return [
        helper.make_node("QuantizeLinear", [source, *names], [f"{target}/q"]),
        helper.make_node("DequantizeLinear", [f"{target}/q", *names], [target]),
    ]


def qdq_cnn(seed: int) -> onnx.ModelProto:
    """A QDQ graph as exporters write them: weights quantised within it, Clip, pooling, a float bias."""
    draw = np.random.default_rng(seed)
    scales = {name: np.float32(value) for name, value in {"sa": 0.02, "sb": 0.05, "sc": 0.11}.items()}
    zeros = {"za": np.uint8(3), "zb": np.uint8(0), "zc": np.uint8(120)}
    constants: Arrays = {
        **{name: np.asarray(value) for name, value in {**scales, **zeros}.items()},
        "w": draw.normal(0, 0.3, (4, 1, 3, 3)).astype(np.float32),
        "sw": draw.uniform(0.005, 0.02, 4).astype(np.float32),
        "zw": np.zeros(4, np.int8),
        "b": draw.integers(-900, 900, 4).astype(np.int32),
        "sbias": np.zeros(4, np.float32),
        "v": draw.integers(-63, 64, (64, 10)).astype(np.int8),
        "sv": np.array(0.013, np.float32),
        "zv": np.array(0, np.int8),
        "c": draw.normal(0, 1, 10).astype(np.float32),
        "six": np.array(6, np.float32),
        "zero": np.array(0, np.float32),
        "shape": np.array([1, -1]),
    }
    constants["sbias"] = (constants["sa"] * constants["sw"]).astype(np.float32)
    nodes = [
        *pair("x", "xd", "a"),
        helper.make_node("QuantizeLinear", ["w", "sw", "zw"], ["wq"], axis=0),
        helper.make_node("DequantizeLinear", ["wq", "sw", "zw"], ["wd"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "sbias"], ["bd"], axis=0),
        helper.make_node("Conv", ["xd", "wd", "bd"], ["h"], pads=[1] * 4, name="conv"),
        helper.make_node("Clip", ["h", "zero", "six"], ["k"]),
        *pair("k", "kd", "b"),
        helper.make_node("MaxPool", ["kd"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        *pair("p", "pd", "b"),
        helper.make_node("Reshape", ["pd", "shape"], ["f"]),
        helper.make_node("DequantizeLinear", ["v", "sv", "zv"], ["vd"]),
        helper.make_node("Gemm", ["f", "vd", "c"], ["g"], name="dense"),
        *pair("g", "y", "c"),
    ]
    return as_model(nodes, [1, 1, 8, 8], constants)
