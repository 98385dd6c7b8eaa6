"""Exports whose shapes are computed from shapes: checked before a run, run with the same bits as without."""

import time
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from p2pnode.errors import InferenceError
from p2pnode.inference import describe_model
from p2pnode.inference.folding import MAX_FOLDED, OPERATORS
from p2pnode.inference.shapes import check_values, folded, skeleton_of
from tests.unit.onnx_exported_graphs import exported
from tests.unit.onnx_node_cases import NodeTests, job
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same
from tests.unit.test_onnx_vs_ort import by_ort

GRAPHS = exported()


def shapes_of(inputs: Arrays) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in inputs.items()}


def fixed(model: onnx.ModelProto, inputs: Arrays) -> onnx.ModelProto:
    """The model for one shape of its inputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        kind = value.type.tensor_type
        kind.CopyFrom(helper.make_tensor_type_proto(kind.elem_type, inputs[value.name].shape).tensor_type)
    return copy


def without_arithmetic(model: onnx.ModelProto, inputs: Arrays) -> onnx.ModelProto:
    """The model for one shape of its inputs, with everything that follows from it as constants."""
    plain = fixed(model, inputs)
    small = folded(skeleton_of(plain)).graph
    assert len(small.node) < len(plain.graph.node)
    held = {tensor.name for tensor in small.initializer}
    weights = [tensor for tensor in plain.graph.initializer if tensor.name not in held]
    del plain.graph.node[:], plain.graph.initializer[:]
    plain.graph.node.extend(small.node)
    plain.graph.initializer.extend([*weights, *small.initializer])
    return plain


@pytest.mark.parametrize("name", GRAPHS)
def test_an_export_is_accepted_and_runs_with_the_same_bits(onnx_runner: OnnxRunner, name: str) -> None:
    for model, inputs in GRAPHS[name]:
        info = describe_model(model.SerializeToString())
        info.check_run(shapes_of(inputs))
        describe_model(fixed(model, inputs).SerializeToString())
        plain = without_arithmetic(model, inputs)
        assert not any(node.op_type == "Shape" for node in plain.graph.node)
        given, folded_away = onnx_runner.run_many([(model, inputs), (plain, inputs)])
        assert not isinstance(given, Refused), str(given)
        assert not isinstance(folded_away, Refused), str(folded_away)
        assert given["y"].tobytes() == folded_away["y"].tobytes()
        (expected,) = by_ort(model, inputs)
        assert_same(given["y"], expected, rtol=2e-5, atol=2e-5)


def test_what_is_computed_ahead_is_what_onnx_defines(node_tests: NodeTests) -> None:
    """ONNX's own node tests with their inputs as constants."""
    compared = set()
    for case in node_tests.agreed.values():
        assert case.model is not None
        assert case.data_sets is not None
        (inputs, outputs), *_ = case.data_sets
        names = [value.name for value in case.model.graph.input]
        arrays = [np.asarray(array) for array in inputs]
        operators = {node.op_type for node in case.model.graph.node}
        if not operators <= OPERATORS or any(array.size > MAX_FOLDED for array in arrays):
            continue
        model, _ = job(case.model, {})
        model.graph.initializer.extend(map(numpy_helper.from_array, arrays, names))
        found = {tensor.name: tensor for tensor in folded(skeleton_of(model)).graph.initializer}
        for value, wanted in zip(model.graph.output, outputs, strict=True):
            if value.name in found:
                assert_same(numpy_helper.to_array(found[value.name]), np.asarray(wanted), rtol=0, atol=0)
                compared |= operators
    missing = {"Add", "Concat", "Div", "Expand", "Gather", "Range", "Slice", "Split", "Where"} - compared
    assert not missing
    assert len(compared) > 30


def arithmetic(*nodes: onnx.NodeProto, constants: Arrays | None = None) -> onnx.ModelProto:
    """From `x` of int64 [n] to `y`."""
    graph = helper.make_graph(
        list(nodes),
        "arithmetic",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ones(shape: str) -> onnx.NodeProto:
    return helper.make_node("ConstantOfShape", [shape], ["y"], value=helper.make_tensor("", 7, [1], [1]))


def refusal(model: onnx.ModelProto, size: int) -> str:
    with pytest.raises(InferenceError) as caught:
        check_values(skeleton_of(model), {"x": (size,)})
    return str(caught.value)


def test_shapes_from_values_are_refused() -> None:
    by_value = arithmetic(ones("x"))
    assert "size of value 'y' does not follow" in refusal(by_value, 2)
    by_place = arithmetic(helper.make_node("NonZero", ["x"], ["y"]))
    assert "size of value 'y' does not follow" in refusal(by_place, 2)


def test_arithmetic_to_a_huge_shape_is_refused() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["n"]),
        helper.make_node("Mul", ["n", "many"], ["m"]),
        ones("m"),
    ]
    model = arithmetic(*nodes, constants={"many": np.array([1 << 22])})
    check_values(skeleton_of(model), {"x": (3,)})
    assert "16777216 elements" in refusal(model, 5)


def test_a_division_by_zero_is_no_shape() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["n"]),
        helper.make_node("Div", ["n", "zero"], ["m"]),
        ones("m"),
    ]
    model = arithmetic(*nodes, constants={"zero": np.array([0])})
    assert "does not follow" in refusal(model, 5)


def test_growing_ranks_are_refused_at_once() -> None:
    names = ["x", *(f"v{i}" for i in range(2000)), "y"]
    nodes = [helper.make_node("Unsqueeze", [a, "axes"], [b]) for a, b in pairwise(names)]
    model = arithmetic(*nodes, constants={"axes": np.arange(64)})
    start = time.process_time()
    assert "more than 8 dimensions" in refusal(model, 5)
    assert time.process_time() - start < 5


def test_ten_thousand_nodes_of_arithmetic_take_seconds() -> None:
    names = ["n", *(f"v{i}" for i in range(9990)), "m"]
    nodes = [helper.make_node("Add", [a, "one"], [b]) for a, b in pairwise(names)]
    model = arithmetic(
        helper.make_node("Shape", ["x"], ["n"]),
        *nodes,
        ones("m"),
        constants={"one": np.array([1])},
    )
    start = time.process_time()
    check_values(skeleton_of(model), {"x": (3,)})
    assert time.process_time() - start < 30
