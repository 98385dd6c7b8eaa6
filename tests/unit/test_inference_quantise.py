"""Quantising and lowering: models keep their accuracy, and the interpreter gives ONNX Runtime's bits."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from benchmarks.reference_models import Reference, digits_cnn, digits_mlp
from p2pnode.errors import InferenceError
from p2pnode.inference.calibration import read_calibration
from p2pnode.inference.model import TensorSpec, describe_model
from p2pnode.inference.quantise import Options, quantise
from p2pnode.inference.quantise_compare import compare, run_samples, samples_for
from p2pnode.quantising import quantise_file
from tests.unit.onnx_qdq_graphs import LEVELS, as_model, at_level, qdq_cnn
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused

IMAGE = TensorSpec("image", "float32", (1, 64))


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
