"""Quantising and lowering: models keep their accuracy, and the interpreter gives ONNX Runtime's bits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.reference_models import Reference, digits_cnn, digits_mlp
from p2pnode.errors import InferenceError
from p2pnode.inference.calibration import read_calibration
from p2pnode.inference.model import TensorSpec, describe_model
from p2pnode.inference.quantise import Options, quantise
from p2pnode.inference.quantise_compare import compare, run_samples, samples_for
from p2pnode.inference.quantise_graph import Dequantised, quantised
from p2pnode.inference.quantise_lower import has_qdq, lower_qdq
from p2pnode.quantising import quantise_file
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused

IMAGE = TensorSpec("image", "float32", (1, 64))
LEVELS = (
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
)


@pytest.fixture(scope="module", params=[digits_mlp, digits_cnn], ids=["mlp", "cnn"])
def reference(request: pytest.FixtureRequest) -> Reference:
    """A float model trained on digits, with held-out images."""
    found: Reference = request.param()
    return found


def save(folder: Path, reference: Reference) -> tuple[Path, Path]:
    path, samples = folder / "model.onnx", folder / "samples.npz"
    path.write_bytes(reference.model.SerializeToString())
    assert reference.labels is not None
    np.savez(samples, image=reference.samples, labels=reference.labels)
    return path, samples


def at_level(model: onnx.ModelProto, inputs: Arrays, level: Any) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(one) for one in session.run(None, inputs)]


@pytest.mark.parametrize(
    "options",
    [Options(), Options(per_channel=True), Options(integer_io=True)],
    ids=["plain", "channel", "io"],
)
def test_a_trained_model_keeps_its_accuracy_and_its_bits(
    reference: Reference, options: Options, tmp_path: Path, onnx_runner: OnnxRunner
) -> None:
    path, samples = save(tmp_path, reference)
    made = quantise_file(path, samples, None, options)
    result = made.comparison
    assert result.samples == len(reference.samples) == 450
    assert result.before is not None
    assert result.after is not None
    assert result.before > 0.95
    assert result.after > result.before - 0.01
    assert result.agreement > 0.98
    assert 0 < result.mean_error < 0.2
    operators = set(made.info.operators)
    assert "com.microsoft.QGemm" in operators
    assert not operators & {"Conv", "Gemm", "MatMul", "Relu", "Identity"}
    assert made.info.exact == options.integer_io
    assert ("QuantizeLinear" in operators) != options.integer_io
    assert len(made.data) < path.stat().st_size * 0.6

    model = onnx.ModelProto.FromString(made.data)
    inputs = samples_for(model, [{"image": image[None]} for image in reference.samples[:40]])
    wanted = run_samples(model, inputs)
    for ours, theirs in zip(onnx_runner.run_many([(model, one) for one in inputs]), wanted, strict=True):
        assert not isinstance(ours, Refused), str(ours)
        assert ours["logits"].tobytes() == theirs["logits"].tobytes()
    for level in LEVELS:
        assert at_level(model, inputs[3], level)[0].tobytes() == wanted[3]["logits"].tobytes()


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


def test_a_qdq_model_is_quantised_with_its_own_scales(tmp_path: Path) -> None:
    draw = np.random.default_rng(9)
    samples = tmp_path / "samples.npz"
    np.savez(samples, x=draw.uniform(0, 4, (20, 1, 8, 8)).astype(np.float32))
    model = qdq_cnn(4)
    calibration = read_calibration(samples, (TensorSpec("x", "float32", (1, 1, 8, 8)),), None)
    made = quantise(model, calibration, Options(integer_io=True))
    info = describe_model(made.SerializeToString())
    assert info.exact
    assert [str(spec) for spec in (*info.inputs, *info.outputs)] == ["x uint8 [1,1,8,8]", "y uint8 any shape"]
    outputs = run_samples(made, samples_for(made, calibration.samples))
    result = compare(model, made, calibration, outputs)
    assert (result.before, result.after) == (None, None)
    # Scores of random weights are near ties; the real ones are compared above.
    assert result.agreement > 0.5
    assert result.mean_error < 0.11


def test_a_model_without_a_product_has_nothing_to_quantise(tmp_path: Path) -> None:
    model = as_model([helper.make_node("Relu", ["x"], ["y"])], [1, 4], {})
    path, samples = tmp_path / "m.onnx", tmp_path / "s.npz"
    path.write_bytes(model.SerializeToString())
    np.savez(samples, x=np.ones((12, 4), np.float32))
    with pytest.raises(InferenceError, match="no Conv, Gemm, MatMul that could be made integer"):
        quantise_file(path, samples, None, Options())


GOOD = np.zeros((12, 64), np.float32)


@pytest.mark.parametrize(
    ("arrays", "labels", "says"),
    [
        ({"a": GOOD, "b": GOOD}, None, "has no array 'image' for the input .*; it has 'a', 'b'"),
        ({"image": GOOD}, "digit", "has no array 'digit'; it has 'image'"),
        ({"image": GOOD.astype(np.float64)}, None, "type float64; the model takes float32: save it with"),
        ({"image": GOOD[:, :63]}, None, r"shape \[12, 63\]; the model takes .* with the samples first"),
        ({"image": GOOD[0]}, None, r"shape \[64\]"),
        ({"image": np.float32(1)}, None, r"shape \[\]"),
        ({"image": GOOD[:9]}, None, "has 9 samples; give at least 10"),
        ({"image": GOOD[:0]}, None, "has 0 samples"),
        ({"image": GOOD + np.float32("nan")}, None, "not finite"),
        ({"image": GOOD, "labels": np.zeros(11, np.int64)}, None, "one whole number for each of the 12"),
        ({"image": GOOD, "labels": np.zeros(12)}, None, "'labels' is float64"),
    ],
)
def test_bad_samples_are_refused_by_name(
    tmp_path: Path, arrays: Arrays, labels: str | None, says: str
) -> None:
    path = tmp_path / "samples.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match=says):
        read_calibration(path, (IMAGE,), labels)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "samples.npz"
    path.write_bytes(content)
    with pytest.raises(InferenceError, match=r"is not an \.npz archive"):
        read_calibration(path, (IMAGE,), None)
    np.save(tmp_path / "one.npy", GOOD)
    with pytest.raises(InferenceError, match=r"is one array; save an \.npz"):
        read_calibration(tmp_path / "one.npy", (IMAGE,), None)


def test_a_fixed_batch_is_refused_and_one_array_of_any_name_taken(tmp_path: Path) -> None:
    path = tmp_path / "samples.npz"
    np.savez(path, anything=GOOD, labels=np.arange(12))
    found = read_calibration(path, (IMAGE,), None)
    assert len(found) == 12
    assert found.samples[0]["image"].shape == (1, 64)
    assert found.labels is not None
    with pytest.raises(InferenceError, match="export it for a batch of 1"):
        read_calibration(path, (TensorSpec("image", "float32", (4, 64)),), None)
    open_batch = read_calibration(path, (TensorSpec("image", "float32", ("n", 64)),), None)
    assert len(open_batch) == 12
