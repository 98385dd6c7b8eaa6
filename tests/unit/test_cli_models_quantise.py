"""`p2pnode models quantise` from files to a checked model, with the real quantiser and the real prover."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.reference_models import digits_mlp
from p2pnode.cli.main import main
from p2pnode.inference import read_model
from tests.unit.built import needs_prover

pytestmark = needs_prover


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The digits perceptron and held-out images with labels under another name than the default."""
    folder, made = tmp_path_factory.mktemp("quantise"), digits_mlp()
    path, samples = folder / "mlp.onnx", folder / "samples.npz"
    path.write_bytes(made.model.SerializeToString())
    assert made.labels is not None
    np.savez(samples, image=made.samples, digit=made.labels)
    return path, samples


def test_a_model_is_quantised_checked_and_compared(files: tuple[Path, Path], tmp_path: Path) -> None:
    path, samples = files
    out = tmp_path / "out.onnx"
    options = ["--calibration", str(samples), "--labels", "digit", "--out", str(out), "--integer-io"]
    command = ["models", "quantise", str(path), *options, "--check", "40"]
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["guest"] == {"checked": 40, "differ": 0}
    assert found["samples"] == 450
    assert found["accuracy_after"] > found["accuracy_before"] - 0.01 > 0.94
    assert (found["bytes_before"], found["bytes_after"]) == (path.stat().st_size, out.stat().st_size)
    assert found["exact"]
    one, many = found["after"]
    assert found["before"]["cycles_per_task"] > 1.5 * one["cycles_per_task"]
    assert (one["tasks"], many["tasks"]) == (1, 16)
    assert many["cycles_per_task"] < one["cycles_per_task"]
    assert found["before"]["seconds"] >= one["seconds"] > 0
    info = read_model(out)[1]
    kinds = [str(spec) for spec in (*info.inputs, *info.outputs)]
    assert kinds == ["image uint8 [1,64]", "logits uint8 [1,10]"]

    text = CliRunner().invoke(main, command).stdout
    assert "the same bits as in ONNX Runtime, 40 samples compared" in text
    assert f"{found['accuracy_before']:.2%} before, {found['accuracy_after']:.2%} after" in text


def test_bad_use_writes_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    path, samples = files
    out = tmp_path / "out.onnx"
    start = ["models", "quantise", str(path), "--out", str(out)]
    for options, code, says in (
        ([], 2, "Missing option '--calibration'"),
        (["--calibration", str(samples), "--labels", "class"], 1, "has no array 'class'"),
        (["--calibration", str(path)], 1, "is not an .npz archive"),
    ):
        result = CliRunner().invoke(main, [*start, *options])
        assert result.exit_code == code, result.output
        assert says in result.stderr
        assert not out.exists()
    onto_itself = ["--calibration", str(samples), "--out", str(path)]
    result = CliRunner().invoke(main, ["models", "quantise", str(path), *onto_itself])
    assert result.exit_code == 2
    assert "--out is the model itself" in result.stderr
