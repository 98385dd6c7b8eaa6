"""Input files of every kind that `p2pnode submit` takes."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from p2pnode.errors import InferenceError
from p2pnode.inference import ModelInfo, describe_model, read_inputs, read_model
from p2pnode.inference.inputs import input_files
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.tensors import decode_tensors


@pytest.fixture(autouse=True)
def high_recursion_limit() -> Iterator[None]:
    """As in a running node, whose libraries raise it: refusals must not rest on it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture(scope="module")
def digits() -> ModelInfo:
    return read_model(DIGITS)[1]


def add_model(elem_type: int = TensorProto.FLOAT) -> ModelInfo:
    values = [helper.make_tensor_value_info(name, elem_type, [2]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "add", values[:2], values[2:])
    proto: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return describe_model(proto.SerializeToString())


def test_image_array_and_json_hold_the_same(tmp_path: Path, digits: ModelInfo) -> None:
    path, _ = digit_images()[3]
    encoded = read_inputs(path, digits)
    pixels = decode_tensors(encoded)["image"]
    np.save(tmp_path / "a.npy", pixels)
    (tmp_path / "bare.json").write_text(json.dumps(pixels.tolist()))
    (tmp_path / "named.json").write_text(json.dumps({"image": pixels.tolist()}))
    for name in ("a.npy", "bare.json", "named.json"):
        assert read_inputs(tmp_path / name, digits) == encoded


def test_json_with_two_inputs_is_put_in_graph_order(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"b": [3, 4], "a": [1, 2.5]}')
    tensors = decode_tensors(read_inputs(tmp_path / "x.json", add_model()))
    assert {name: values.tolist() for name, values in tensors.items()} == {"a": [1, 2.5], "b": [3, 4]}
    assert list(tensors) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "is not JSON"),
        ("[" * 99_000, "is not JSON: it nests deeper"),
        ('["' + "]" * 99_000 + '", ' + "[" * 99_000, "is not JSON: it nests deeper"),
        ('["\\"]", ' + "[" * 99_000, "is not JSON: it nests deeper"),
        ("[1, 2]", "the model takes 2"),
        ('{"a": [1, 2]}', r"inputs are \['a'\]"),
        ('{"a": [1, 2], "b": [1, 2], "z": 1}', r"names \['z'\]"),
        ('{"a": [1, 2], "b": [[1], [1, 2]]}', "b cannot be read"),
        ('{"a": [1, 2], "b": ["1", "2"]}', "b cannot be read"),
        ('{"a": [1, 2], "b": [null, 2]}', "b cannot be read"),
        ('{"a": [1, 2], "b": [1, 2, 3]}', r"shape \[3\]"),
        ('{"a": [1, 2], "b": [NaN, 2]}', "give finite"),
        ('{"a": [1, 2], "b": [1e400, 2]}', "give finite"),
    ],
)
def test_json_that_does_not_fit_is_refused(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InferenceError, match=named):
        read_inputs(tmp_path / "x.json", add_model())


@pytest.mark.parametrize(
    "value", ["[0.5, 1]", "[256, 1]", "[-1, 1]", "[1e30, 1]", "[99999999999999999999, 1]"]
)
def test_numbers_are_never_rounded_or_wrapped(tmp_path: Path, value: str) -> None:
    (tmp_path / "x.json").write_text(f'{{"a": [1, 2], "b": {value}}}')
    with pytest.raises(InferenceError, match="b cannot be read as b uint8"):
        read_inputs(tmp_path / "x.json", add_model(TensorProto.UINT8))


def test_pickled_array_is_not_unpickled(tmp_path: Path, digits: ModelInfo) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InferenceError, match=r"x\.npy is not a \.npy array"):
        read_inputs(tmp_path / "x.npy", digits)


def test_image_for_a_model_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="holds one tensor; the model takes 2"):
        read_inputs(digit_images()[0][0], add_model())


@pytest.mark.parametrize("name", ["x.txt", "x", "missing.npy"])
def test_other_files_are_refused_by_name(tmp_path: Path, digits: ModelInfo, name: str) -> None:
    (tmp_path / "x.txt").touch()
    with pytest.raises(InferenceError, match=name):
        read_inputs(tmp_path / name, digits)


def test_folder_lists_its_inputs_by_name(tmp_path: Path) -> None:
    assert input_files(IMAGES) == [path for path, _ in digit_images()]
    assert input_files(IMAGES / "x.png") == [IMAGES / "x.png"]
    with pytest.raises(InferenceError, match="has no input"):
        input_files(tmp_path)
