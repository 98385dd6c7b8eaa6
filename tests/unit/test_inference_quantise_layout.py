"""Where a quantised model's weights lie, and that nothing it answers depends on it."""

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from onnx import TensorProto, helper, numpy_helper

from p2pnode.inference.quantise_layout import WORD, data_start, lay_out

Array = np.ndarray[Any, np.dtype[Any]]
DEPTHS = (20, 16, 32, 7)


def model(*, turned: bool = False, kind: type = np.uint8, name: str = "g", per_column: bool = False) -> Any:
    """Three QGemm in a row, with random int8 weights."""
    random = np.random.default_rng(7)
    nodes, constants = [], []
    options: dict[str, Any] = {"transB": 1} if turned else {}

    def constant(name: str, value: Array) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    scale, zero = constant("scale", np.array(0.05, np.float32)), constant("zero", np.array(3, kind))
    value = "x"
    for layer, (k, n) in enumerate(pairwise(DEPTHS)):
        weights = random.integers(-64, 64, (n, k) if turned else (k, n)).astype(np.int8)
        many = [n] if per_column else []
        nodes.append(
            helper.make_node(
                "QGemm",
                [
                    *(value, scale, zero),
                    constant(f"w{layer}", weights),
                    constant(f"ws{layer}", np.full(many, 0.01, np.float32)),
                    constant(f"wz{layer}", np.zeros(many, np.int8)),
                    constant(f"b{layer}", random.integers(-99, 99, n).astype(np.int32)),
                    *(scale, zero),
                ],
                [f"y{layer}"],
                domain="com.microsoft",
                **options,
            )
        )
        value = f"y{layer}"
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", element, [1, DEPTHS[0]])],
        [helper.make_tensor_value_info(value, element, [1, DEPTHS[-1]])],
        constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def matrices(laid: onnx.ModelProto) -> list[tuple[int, onnx.TensorProto]]:
    """Position and tensor of the weights of each product."""
    names = [node.input[3] for node in laid.graph.node]
    return [(i, tensor) for i, tensor in enumerate(laid.graph.initializer) if tensor.name in names]


def answers(of: onnx.ModelProto) -> list[Array]:
    session = onnxruntime.InferenceSession(of.SerializeToString())
    kind = np.uint8 if "uint8" in session.get_inputs()[0].type else np.int8
    random = np.random.default_rng(1)
    inputs = [random.integers(-128, 127, (1, DEPTHS[0])).astype(np.int16).astype(kind) for _ in range(20)]
    return [session.run(None, {"x": x})[0] for x in inputs]


@pytest.mark.parametrize("name", ["g" * length for length in (*range(1, 9), 127, 128)])
def test_every_matrix_starts_at_a_word_of_the_file(name: str) -> None:
    laid = lay_out(model(name=name))
    file = laid.SerializeToString()
    found = matrices(laid)
    assert len(found) == 3
    for index, tensor in found:
        start = data_start(laid, index)
        assert start % WORD == 0
        assert file[start : start + len(tensor.raw_data)] == tensor.raw_data
        assert tensor.data_type == TensorProto.UINT8


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("per_column", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_answers_stay(turned: bool, per_column: bool, kind: type) -> None:
    before = model(turned=turned, kind=kind, per_column=per_column)
    after = lay_out(before)
    onnx.checker.check_model(after)
    for old, new in zip(answers(before), answers(after), strict=True):
        assert np.array_equal(old, new)


def test_turned_weights_are_turned_back() -> None:
    laid = lay_out(model(turned=True))
    assert all(not node.attribute for node in laid.graph.node)
    assert [list(tensor.dims) for _, tensor in matrices(laid)] == [[20, 16], [16, 32], [32, 7]]


def test_signed_inputs_keep_signed_weights() -> None:
    """ONNX Runtime has no product of int8 with uint8."""
    assert all(tensor.data_type == TensorProto.INT8 for _, tensor in matrices(lay_out(model(kind=np.int8))))


def test_equal_constants_are_kept_once() -> None:
    """Beside weights and biases two scales and two zero points: of values and of weights."""
    assert len(lay_out(model()).graph.initializer) == 3 + 3 + 4
