"""The rule that lowers QDQ graphs: what it changes keeps ONNX Runtime's bits, and nothing else changes."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from p2pnode.inference.quantise_graph import Dequantised, quantised
from p2pnode.inference.quantise_lower import has_qdq, lower_qdq
from tests.unit.onnx_qdq_graphs import LEVELS, as_model, at_level, pair, qdq_cnn
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused


def test_a_qdq_graph_becomes_integer_operators_that_no_optimisation_changes(onnx_runner: OnnxRunner) -> None:
    draw = np.random.default_rng(1)
    steps: list[float] = []
    jobs = []
    for seed in range(12):
        model = qdq_cnn(seed)
        assert has_qdq(model)
        lowered = lower_qdq(model)
        assert [node.op_type for node in lowered.graph.node] == [
            "QuantizeLinear",
            "QLinearConv",
            "Clip",
            "MaxPool",
            "Reshape",
            "QGemm",
            "DequantizeLinear",
        ]
        inputs = {"x": draw.uniform(-0.5, 5, (1, 1, 8, 8)).astype(np.float32)}
        answers = {at_level(lowered, inputs, level)[0].tobytes() for level in LEVELS}
        assert len(answers) == 1
        literal = at_level(model, inputs, LEVELS[0])[0]
        steps += np.abs(np.frombuffer(answers.pop(), np.float32) - literal.ravel()).tolist()
        jobs.append((lowered, inputs))
    # One rounding instead of many: seldom another step, never two.
    assert max(steps) < 0.11 * 1.01
    assert np.mean(np.array(steps) > 0.01) < 0.1
    for (model, inputs), ours in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        assert not isinstance(ours, Refused), str(ours)
        assert ours["y"].tobytes() == at_level(model, inputs, LEVELS[0])[0].tobytes()


def test_moving_values_keeps_every_bit() -> None:
    names = ["sa", "za"]
    constants: Arrays = {
        "sa": np.array(0.1, np.float32),
        "za": np.array(-5, np.int8),
        "shape": np.array([2, 8]),
    }
    nodes = [
        *pair("x", "d", "a"),
        helper.make_node("Transpose", ["d"], ["t"], perm=[1, 0]),
        helper.make_node("Concat", ["t", "t"], ["c"], axis=0),
        helper.make_node("Reshape", ["c", "shape"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", *names], ["q"]),
        helper.make_node("DequantizeLinear", ["q", *names], ["y"]),
    ]
    model = as_model(nodes, [2, 4], constants)
    lowered = lower_qdq(model)
    assert [node.op_type for node in lowered.graph.node] == [
        "QuantizeLinear", "Transpose", "Concat", "Reshape", "DequantizeLinear"
    ]  # fmt: skip
    x = np.random.default_rng(3).normal(0, 8, (2, 4)).astype(np.float32)
    assert (
        at_level(lowered, {"x": x}, LEVELS[0])[0].tobytes()
        == at_level(model, {"x": x}, LEVELS[0])[0].tobytes()
    )


@pytest.mark.parametrize("case", ["alpha", "two readers", "an output", "signed by unsigned", "other scales"])
def test_what_no_rule_covers_stays_as_it_is(case: str) -> None:
    constants: Arrays = {
        "sa": np.array(0.1, np.float32),
        "za": np.array(3, np.int8 if case == "signed by unsigned" else np.uint8),
        "v": np.ones((4, 3), np.uint8),
        "sv": np.array(0.2, np.float32),
        "zv": np.array(0, np.uint8),
        "sc": np.array(0.3, np.float32),
        "zc": np.array(3, np.uint8),
    }
    end = "a" if case != "other scales" else "c"
    middle = [] if case == "other scales" else [
        helper.make_node("DequantizeLinear", ["v", "sv", "zv"], ["vd"]),
        helper.make_node("Gemm", ["d", "vd"], ["g"], alpha=0.5 if case == "alpha" else 1.0),
    ]  # fmt: skip
    nodes = [*pair("x", "d", "a"), *middle, *pair("g" if middle else "d", "y", end)]
    outputs = ["y", "g"] if case == "an output" else ["y"]
    if case == "two readers":
        nodes.append(helper.make_node("Relu", ["g"], ["h"]))
        outputs = ["y", "h"]
    model = as_model(nodes, [2, 4], constants, outputs)
    lowered = lower_qdq(model)
    assert [node.op_type for node in lowered.graph.node] == [node.op_type for node in nodes]
    x = {"x": np.random.default_rng(3).normal(0, 8, (2, 4)).astype(np.float32)}
    for before, after in zip(at_level(model, x, LEVELS[0]), at_level(lowered, x, LEVELS[0]), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("per_column", [False, True])
def test_a_bias_that_would_leave_int32_gets_a_coarser_scale(
    per_column: bool, onnx_runner: OnnxRunner
) -> None:
    """A column of weights that are almost zero, as training leaves them, under a bias that is not."""
    draw = np.random.default_rng(11)
    v = draw.integers(-63, 64, (4, 3)).astype(np.int8)
    scales = np.array([0.01, 1e-10, 0.02] if per_column else 1e-10, np.float32)
    constants: Arrays = {
        "sa": np.array(0.1, np.float32),
        "za": np.array(3, np.uint8),
        "v": v,
        "sv": scales,
        "zv": np.zeros(scales.shape, np.int8),
        "c": np.array([0.5, 0.75, -0.25], np.float32),
        "sc": np.array(0.01, np.float32),
        "zc": np.array(128, np.uint8),
    }
    nodes = [
        *pair("x", "d", "a"),
        helper.make_node("DequantizeLinear", ["v", "sv", "zv"], ["vd"], axis=1),
        helper.make_node("Gemm", ["d", "vd", "c"], ["g"]),
        *pair("g", "y", "c"),
    ]
    model = as_model(nodes, [2, 4], constants)
    lowered = lower_qdq(model)
    assert [node.op_type for node in lowered.graph.node] == ["QuantizeLinear", "QGemm", "DequantizeLinear"]
    x = {"x": draw.uniform(0, 1, (2, 4)).astype(np.float32)}
    before, after = (at_level(one, x, LEVELS[0])[0] for one in (model, lowered))
    assert np.abs(before - after).max() < 0.011
    assert onnx_runner.run(lowered, x)["y"].tobytes() == after.tobytes()


def test_constants_are_quantised_as_onnx_runtime_does() -> None:
    draw = np.random.default_rng(5)
    for axis, count in ((1, 1), (0, 6), (1, 50)):
        scale = draw.uniform(0.01, 0.2, count).astype(np.float32)
        zero_point = draw.integers(-20, 20, count).astype(np.int8)
        x = draw.normal(0, 5, (6, 50)).astype(np.float32)
        x[0, :10] = (np.arange(10) + 0.5) * scale[0]
        ours = quantised(x, Dequantised("x", scale, zero_point, axis))
        shape = () if count == 1 else -1
        constants: Arrays = {"s": scale.reshape(shape), "z": zero_point.reshape(shape)}
        model = as_model(
            [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=axis)], [6, 50], constants
        )
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT8
        np.testing.assert_array_equal(ours, at_level(model, {"x": x}, LEVELS[0])[0])
