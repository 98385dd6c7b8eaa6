"""The packaged digits model: what its documentation claims of it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
import pytest
from onnx import numpy_helper
from PIL import Image

from benchmarks import make_digits_model as maker
from p2pnode.errors import InferenceError
from p2pnode.models import DIGITS, digit_images
from p2pnode.models.images import ImageInput, read_image

SIZE = ImageInput(width=8, height=8, levels=16)


@pytest.fixture(scope="module")
def data() -> maker.Digits:
    return maker.digits()


@pytest.fixture(scope="module")
def packaged() -> maker.Perceptron:
    """The integers in the packaged file."""
    weights = {
        initializer.name: numpy_helper.to_array(initializer).astype(np.int64)
        for initializer in onnx.load(DIGITS).graph.initializer
    }
    return maker.Perceptron(**weights)


def test_accuracy_on_held_out_images(data: maker.Digits, packaged: maker.Perceptron) -> None:
    right = packaged.logits(data.test).argmax(axis=1) == data.test_labels
    assert len(right) == 450
    assert right.mean() == pytest.approx(0.9667, abs=1e-4)


def test_onnx_runtime_gives_the_integers_of_numpy(data: maker.Digits, packaged: maker.Perceptron) -> None:
    session = ort.InferenceSession(DIGITS, providers=["CPUExecutionProvider"])
    # The digits, and images that a stranger may send: every level a byte can hold.
    random = np.random.default_rng(1).integers(0, 256, (100, 64))
    for pixels in (*data.test, *random, np.full(64, 255)):
        logits, digit = session.run(None, {"image": pixels.astype(np.uint8)[None]})
        expected = packaged.logits(pixels)
        assert logits.dtype == np.int32
        assert logits.tolist() == [expected.tolist()]
        assert digit.tolist() == [expected.argmax()]


def test_no_image_can_overflow(packaged: maker.Perceptron) -> None:
    assert maker.largest_sum(packaged) < 2**31
    assert np.abs(packaged.w1).max() <= maker.WEIGHT_LIMIT
    assert np.abs(packaged.w2).max() <= maker.WEIGHT_LIMIT


def test_training_again_gives_an_equal_model(data: maker.Digits, packaged: maker.Perceptron) -> None:
    # Other BLAS kernels train to other last bits, so weights may differ by a step: answers hardly do.
    again = maker.train(data)
    same = again.logits(data.test).argmax(axis=1) == packaged.logits(data.test).argmax(axis=1)
    assert same.mean() >= 0.98
    assert (again.logits(data.test).argmax(axis=1) == data.test_labels).mean() >= maker.LEAST_ACCURACY


def test_the_graph_is_the_one_the_script_writes(packaged: maker.Perceptron) -> None:
    assert maker.graph(packaged).SerializeToString(deterministic=True) == DIGITS.read_bytes()


def test_packaged_images_are_the_first_held_out_ones(data: maker.Digits) -> None:
    images = digit_images()
    assert len(images) == maker.PACKAGED_IMAGES
    for index, (path, label) in enumerate(images):
        assert label == data.test_labels[index]
        assert read_image(path, SIZE).tolist() == [data.test[index].tolist()]


@pytest.mark.parametrize("levels", [1, 2, 16, 17, 100, 254, 255])
def test_every_level_survives_the_image(levels: int) -> None:
    size = ImageInput(width=levels + 1, height=1, levels=levels)
    every = np.arange(levels + 1)
    assert size.to_levels(size.to_gray(every)).tolist() == every.tolist()


def test_image_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("L", (9, 8)).save(tmp_path / "wide.png")
    with pytest.raises(InferenceError, match=r"wide\.png is 9x8 pixels; the model takes 8x8"):
        read_image(tmp_path / "wide.png", SIZE)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"not an image at all"])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(InferenceError, match=r"x\.png cannot be read"):
        read_image(tmp_path / "x.png", SIZE)


def test_truncated_image_is_refused(tmp_path: Path) -> None:
    whole = digit_images()[0][0].read_bytes()
    # Up to the middle of the pixels: past them only the checksum and the end mark are missing.
    for length in range(whole.index(b"IDAT") + 30):
        (tmp_path / "cut.png").write_bytes(whole[:length])
        with pytest.raises(InferenceError):
            read_image(tmp_path / "cut.png", SIZE)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "width, height, levels"),
        ("[" * 99_000, "width, height, levels"),
        ("[8,8,16]", "width, height, levels"),
        ('{"width":8,"height":8}', "width, height, levels"),
        ('{"width":0,"height":8,"levels":16}', "width 0"),
        ('{"width":8,"height":5000,"levels":16}', "height 5000"),
        ('{"width":8,"height":8,"levels":256}', "levels 256"),
        ('{"width":8,"height":8,"levels":true}', "levels True"),
    ],
)
def test_wrong_metadata_names_the_field(text: str, named: str) -> None:
    with pytest.raises(InferenceError, match=named):
        ImageInput.from_json(text)
