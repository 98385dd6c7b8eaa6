"""How many steps a run may take, the same limit as the interpreter's."""

import re
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from p2pnode.errors import InferenceError
from p2pnode.inference import describe_model
from p2pnode.inference.steps import MAX_STEPS, steps_of

STEPS = Path(__file__).parents[2] / "circuits_guest" / "onnx" / "src" / "ops" / "steps.rs"

Shape = tuple[int, ...]
CASES: dict[str, tuple[dict[str, Any], list[Shape], Shape, int]] = {
    "MatMul": ({}, [(2, 3, 5), (5, 7)], (2, 3, 7), 2 * 3 * 5 * 7),
    "Gemm": ({"transA": 1}, [(5, 3), (5, 7)], (3, 7), 3 * 5 * 7),
    "Conv": ({"group": 2}, [(1, 4, 6, 6), (8, 2, 3, 3)], (1, 8, 4, 4), 8 * 16 * 2 * 9),
    "QLinearConv": ({}, [(1, 4, 6, 6), (), (), (8, 4, 3, 3), (), ()], (1, 8, 4, 4), 8 * 16 * 4 * 9),
    "ConvTranspose": ({}, [(1, 4, 6, 6), (4, 3, 2, 2)], (1, 3, 7, 7), 4 * 36 * 3 * 4),
    "Einsum": ({"equation": "...ik, kj -> ...ij"}, [(2, 3, 5), (5, 7)], (2, 3, 7), 2 * 3 * 5 * 7 * 2),
    "MaxPool": ({"kernel_shape": [2, 3]}, [(1, 4, 6, 6)], (1, 4, 5, 4), 4 * 20 * 6),
    "LRN": ({"size": 5}, [(1, 3, 4, 4)], (1, 3, 4, 4), 48 * 3),
    "LSTM": ({"hidden_size": 4}, [(9, 2, 3), (1, 16, 3), (1, 16, 4)], (9, 1, 2, 4), 9 * 2 * 16 * 7),
    "Relu": ({}, [(9, 9)], (9, 9), 0),
}


@pytest.mark.parametrize("operator", CASES)
def test_steps_are_multiplications(operator: str) -> None:
    attributes, inputs, output, expected = CASES[operator]
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(operator, names, ["y"], **attributes)
    assert steps_of(node, {**dict(zip(names, inputs, strict=True)), "y": output}) == expected


def test_the_limit_is_that_of_the_interpreter() -> None:
    found = re.search(r"MAX_STEPS: u64 = 1 << (\d+);", STEPS.read_text())
    assert found is not None
    assert 1 << int(found[1]) == MAX_STEPS


def products(count: int, size: int) -> bytes:
    """So many products of square matrices."""
    nodes = [
        helper.make_node("MatMul", ["x", "x" if i == 0 else f"y{i}"], [f"y{i + 1}"]) for i in range(count)
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [size, size])],
        [helper.make_tensor_value_info(f"y{count}", TensorProto.FLOAT, [size, size])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def test_a_run_that_would_take_hours_is_refused() -> None:
    describe_model(products(8, 1 << 11))
    with pytest.raises(InferenceError, match=f"at most {MAX_STEPS} are run"):
        describe_model(products(9, 1 << 11))
