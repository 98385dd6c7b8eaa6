"""Random graphs against ONNX Runtime: integer results bit for bit, float results closely.

ONNX Runtime runs without graph optimisation: its fusions change numbers.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
import pytest
from onnx import helper

from tests.unit.onnx_graphs import (
    Array,
    Draw,
    as_model,
    conv_integer,
    dynamic_quantize,
    float_graphs,
    matmul_integer,
    qgemm,
    qlinear_conv,
    qlinear_matmul,
    quantize,
    quantized_cnn,
)
from tests.unit.onnx_operator_graphs import binary, moves, networks, reductions, unary
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same

ROUNDS = 12


def by_ort(model: onnx.ModelProto, inputs: Arrays) -> list[Array]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(a) for a in session.run(None, inputs)]


INTEGER_GRAPHS = (
    qlinear_matmul,
    qlinear_conv,
    conv_integer,
    matmul_integer,
    qgemm,
    quantize,
    dynamic_quantize,
    quantized_cnn,
)


@pytest.mark.parametrize("make", INTEGER_GRAPHS)
def test_integer_graphs_equal_onnx_runtime(onnx_runner: OnnxRunner, make: Any) -> None:
    jobs = [make(Draw(seed)) for seed in range(ROUNDS)]
    distinct: set[float] = set()
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        assert not isinstance(result, Refused), f"{result}\n{onnx.printer.to_text(model.graph)}"
        (expected,) = by_ort(model, inputs)
        assert_same(result["y"], expected, rtol=0, atol=0)
        distinct |= set(expected.ravel().tolist())
    assert len(distinct) > 20, "results at the ends of the range would agree whatever happens"


@pytest.mark.parametrize("source", [np.float32, np.uint8, np.int8, np.int32, np.int64, np.bool_])
def test_casts_equal_onnx_runtime(onnx_runner: OnnxRunner, source: Any) -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(-100 if source in (np.float32, np.int32) else 0, 100, 200).astype(source)
    if source == np.float32:
        x = (x + rng.choice([-0.5, 0, 0.25, 0.99], 200)).astype(np.float32)
    jobs = []
    for target in (np.float32, np.uint8, np.int8, np.int32, np.int64, np.bool_):
        to = helper.np_dtype_to_tensor_dtype(np.dtype(target))
        inputs = {"x": np.abs(x) if source == np.float32 and target == np.uint8 else x}
        node = helper.make_node("Cast", ["x"], ["y"], to=to)
        jobs.append((as_model([node], inputs, {}, ("y", to)), inputs))
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        assert not isinstance(result, Refused), str(result)
        assert_same(result["y"], by_ort(model, inputs)[0], rtol=0, atol=0)


def test_float_graphs_are_close_to_onnx_runtime(onnx_runner: OnnxRunner) -> None:
    jobs = [job for seed in range(ROUNDS) for job in float_graphs(Draw(seed))]
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        (expected,) = by_ort(model, inputs)
        assert not isinstance(result, Refused), f"{result}\n{onnx.printer.to_text(model.graph)}"
        assert_same(result["y"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [unary, binary, reductions, moves, networks])
def test_single_operators_are_those_of_onnx_runtime(onnx_runner: OnnxRunner, make: Any) -> None:
    """Integers exactly; floats to a few units in the last place of their largest term."""
    jobs = [job for seed in range(3) for job in make(Draw(seed))]
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        text = onnx.printer.to_text(model.graph)
        assert not isinstance(result, Refused), f"{result}\n{text}"
        (expected,) = by_ort(model, inputs)
        try:
            assert_same(result["y"], expected, rtol=2e-5, atol=2e-6)
        except AssertionError as error:
            raise AssertionError(text) from error
