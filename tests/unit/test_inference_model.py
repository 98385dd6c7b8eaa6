"""Which ONNX files are refused, and with what words."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from p2pnode.errors import InferenceError
from p2pnode.inference import describe_model, read_model
from p2pnode.inference.operators import MAX_ELEMENTS, MICROSOFT_OPERATORS, ML_OPERATORS, OPERATORS, OPSETS
from p2pnode.models import DIGITS

REGISTRY = Path(__file__).parents[2] / "circuits_guest" / "onnx" / "src" / "registry.rs"


def model(
    operator: str = "Relu",
    *,
    domain: str = "",
    elem_type: int = TensorProto.FLOAT,
    shape: list[int | str] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    dims = [2, 3] if shape is None else shape
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], domain=domain)],
        "one",
        [helper.make_tensor_value_info("x", elem_type, dims)],
        [helper.make_tensor_value_info("y", elem_type, dims)],
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def refusal(proto: onnx.ModelProto) -> str:
    with pytest.raises(InferenceError) as caught:
        describe_model(proto.SerializeToString())
    return str(caught.value)


def test_digits_model_is_exact() -> None:
    data, info = read_model(DIGITS)
    assert info.size == len(data)
    assert [str(spec) for spec in info.inputs] == ["image uint8 [1,64]"]
    assert [str(spec) for spec in info.outputs] == ["logits int32 [1,10]", "digit int64 [1]"]
    assert info.operators == ("Add", "ArgMax", "MatMul", "MatMulInteger", "Relu")
    assert info.exact
    assert info.image is not None


def test_operators_are_those_of_the_interpreter() -> None:
    source = REGISTRY.read_text()
    rust = set(re.findall(r'\bop\("(\w+)"', source))
    assert rust == OPERATORS | MICROSOFT_OPERATORS | ML_OPERATORS
    bounds = dict(re.findall(r"pub const (M\w+_OPSET): u32 = (\d+);", source))
    assert range(int(bounds["MIN_OPSET"]), int(bounds["MAX_OPSET"]) + 1) == OPSETS


def test_float_model_is_not_exact() -> None:
    assert not describe_model(model().SerializeToString()).exact


def test_quantised_model_is_exact_though_its_scales_are_float() -> None:
    scalars = [("s", np.float32(0.1)), ("xz", np.uint8(3)), ("wz", np.int8(0)), ("yz", np.uint8(5))]
    weights = [("w", np.ones((4, 2), np.int8))]
    node = helper.make_node("QLinearMatMul", ["x", "s", "xz", "w", "s", "wz", "s", "yz"], ["y"])
    graph = helper.make_graph(
        [node],
        "q",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in scalars + weights],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert describe_model(proto.SerializeToString()).exact


@pytest.mark.parametrize("data", [b"", b"not onnx", b"\x00" * 64, DIGITS.read_bytes()[:-1]])
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(InferenceError, match="not an ONNX file"):
        describe_model(data)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match=r"gone\.onnx cannot be read: No such file"):
        read_model(tmp_path / "gone.onnx")


def test_too_large_a_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InferenceError, match="more than 67108864 bytes"):
        read_model(path)


def test_unsupported_operators_are_all_named() -> None:
    proto = model("Multinomial")
    proto.graph.node.extend(
        [helper.make_node("Loop", ["x"], ["z"]), helper.make_node("Multinomial", ["x"], ["v"])]
    )
    assert refusal(proto) == "model uses operators that cannot be proved: Loop (1x), Multinomial (2x)"


def test_maps_of_scores_are_refused_with_what_to_do() -> None:
    proto = model()
    proto.graph.node.append(helper.make_node("ZipMap", ["y"], ["z"], domain="ai.onnx.ml"))
    assert "ai.onnx.ml.ZipMap (1x); convert with the option zipmap=False" in refusal(proto)


def test_operator_of_another_domain_is_named_with_it() -> None:
    assert "evil.ops.Relu (1x)" in refusal(model(domain="evil.ops"))


@pytest.mark.parametrize("opset", [0, 12, 29, 1 << 40])
def test_other_opsets_are_refused(opset: int) -> None:
    assert f"opset {opset}" in refusal(model(opset=opset))


def test_type_outside_the_interpreter_is_named() -> None:
    assert "tensor 'x' has type DOUBLE" in refusal(model(elem_type=TensorProto.DOUBLE))


def test_shapes_that_do_not_fit_are_refused() -> None:
    proto = model("Flatten", shape=[2, 3])
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    assert "does not fit together" in refusal(proto)


def external(proto: onnx.ModelProto) -> None:
    tensor = proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def function(proto: onnx.ModelProto) -> None:
    proto.functions.add(name="f", domain="g")


def huge_weight(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[MAX_ELEMENTS, 2])


def negative_dim(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[-1])


def sequence(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def wrong_image(proto: onnx.ModelProto) -> None:
    helper.set_model_props(proto, {"p2pnode.image": "8x8"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (external, "is in another file"),
        (function, "functions"),
        (huge_weight, f"at most {MAX_ELEMENTS} elements"),
        (negative_dim, "dim -1"),
        (sequence, "'x' is not a tensor"),
        (wrong_image, "metadata p2pnode.image is '8x8'"),
    ],
)
def test_hostile_parts_are_refused(change: Callable[[onnx.ModelProto], None], named: str) -> None:
    proto = model()
    change(proto)
    assert named in refusal(proto)


def doubling(dim: int | str) -> onnx.ModelProto:
    """x is small, but each Concat doubles it: 2^40 bytes at the end."""
    nodes = [helper.make_node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(40)]
    graph = helper.make_graph(
        nodes,
        "doubling",
        [helper.make_tensor_value_info("v0", TensorProto.UINT8, [dim])],
        [helper.make_tensor_value_info("v40", TensorProto.UINT8, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_value_that_would_fill_memory_is_refused() -> None:
    assert f"at most {MAX_ELEMENTS} elements" in refusal(doubling(1))


def test_a_value_that_an_input_makes_too_large_is_refused_when_it_comes() -> None:
    info = describe_model(doubling("n").SerializeToString())
    with pytest.raises(InferenceError, match=f"at most {MAX_ELEMENTS} elements"):
        info.check_run({"v0": (1,)})


def test_values_that_are_too_large_together_are_refused() -> None:
    nodes = [helper.make_node("Relu", ["x"], [f"y{i}"]) for i in range(5)]
    shape = [1 << 24]
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, shape) for i in range(5)],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert "elements together" in refusal(proto)


def test_a_shape_out_of_data_is_refused() -> None:
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "dynamic",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]),
            helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b"])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert "size of value 'y' does not follow" in refusal(proto)


def test_qgemm_has_the_shape_and_type_of_its_zero_point() -> None:
    constants = [
        ("s", np.float32(0.1)),
        ("az", np.uint8(3)),
        ("w", np.ones((200, 4), np.int8)),
        ("bz", np.int8(0)),
        ("bias", np.zeros(200, np.int32)),
        ("yz", np.uint8(5)),
    ]
    node = helper.make_node(
        "QGemm", ["x", "s", "az", "w", "s", "bz", "bias", "s", "yz"], ["y"], domain="com.microsoft", transB=1
    )
    graph = helper.make_graph(
        [node, helper.make_node("Concat", ["y", "y"], ["z"], axis=0)],
        "qgemm",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 4])],
        [helper.make_tensor_value_info("z", TensorProto.UINT8, ["m", 200])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    proto = helper.make_model(graph, opset_imports=imports, ir_version=8)
    info = describe_model(proto.SerializeToString())
    assert info.exact
    info.check_run({"x": (5, 4)})
    with pytest.raises(InferenceError, match="elements"):
        info.check_run({"x": (1 << 20, 4)})
