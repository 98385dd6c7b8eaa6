"""Running models: answers, refusals, deadline, cancellation, memory."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import trio
from onnx import TensorProto, helper

from p2pnode.errors import InferenceError
from p2pnode.inference import open_executor
from p2pnode.inference.sessions import SessionCache, open_session
from p2pnode.models import DIGITS, digit_images
from p2pnode.models.images import ImageInput, read_image
from p2pnode.protocol.tensors import decode_tensors, encode_tensors

SIZE = ImageInput(width=8, height=8, levels=16)
ZEROS = np.zeros((1, 64), np.uint8)


def save(path: Path, graph: onnx.GraphProto) -> Path:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def relu(path: Path, dims: list[int | str]) -> Path:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name in "xy"]
    return save(path, helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", info[:1], info[1:]))


def slow(path: Path) -> Path:
    """Minutes of matrix products."""
    nodes = [helper.make_node("MatMul", [f"v{i}", "v0"], [f"v{i + 1}"]) for i in range(60)]
    info = [helper.make_tensor_value_info(name, TensorProto.INT32, [700, 700]) for name in ("v0", "v60")]
    return save(path, helper.make_graph(nodes, "slow", info[:1], info[1:]))


async def test_packaged_images_are_read_as_their_digits() -> None:
    async with open_executor() as executor:
        for path, label in digit_images():
            outputs = decode_tensors(
                await executor.run(DIGITS, encode_tensors({"image": read_image(path, SIZE)}))
            )
            assert list(outputs) == ["logits", "digit"]
            assert outputs["digit"].tolist() == [label]


async def test_runs_at_the_same_time_agree_with_runs_alone() -> None:
    inputs = [encode_tensors({"image": read_image(path, SIZE)}) for path, _ in digit_images()]
    together: dict[int, bytes] = {}

    async with open_executor(threads=4) as executor:
        alone = [await executor.run(DIGITS, tensors) for tensors in inputs]

        async def one(index: int) -> None:
            together[index] = await executor.run(DIGITS, inputs[index])

        async with trio.open_nursery() as nursery:
            for index in range(len(inputs)):
                nursery.start_soon(one, index)
    assert [together[index] for index in range(len(inputs))] == alone


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"picture": ZEROS}, r"inputs are \['picture'\]; the model takes \['image'\]"),
        ({}, r"inputs are \[\]"),
        ({"image": ZEROS, "more": ZEROS}, "the model takes"),
        ({"image": ZEROS.astype(np.int8)}, "has type int8; the model takes uint8"),
        ({"image": ZEROS.reshape(64)}, r"shape \[64\]; the model takes image uint8 \[1,64\]"),
        ({"image": ZEROS[:, :63]}, r"shape \[1, 63\]"),
        ({"image": np.zeros((2, 64), np.uint8)}, r"shape \[2, 64\]"),
    ],
)
async def test_input_that_does_not_fit_is_named(tensors: dict[str, np.ndarray], named: str) -> None:
    async with open_executor() as executor:
        with pytest.raises(InferenceError, match=named):
            await executor.run(DIGITS, encode_tensors(tensors))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
async def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    values = np.ones((2, 3), np.float32)
    values[1, 2] = bad
    async with open_executor() as executor:
        with pytest.raises(InferenceError, match=r"'x' has .* at \(1, 2\); give finite"):
            await executor.run(relu(tmp_path / "r.onnx", [2, 3]), encode_tensors({"x": values}))


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff" * 40])
async def test_bytes_that_are_no_tensors_are_refused(data: bytes) -> None:
    async with open_executor() as executor:
        with pytest.raises(InferenceError, match="input: "):
            await executor.run(DIGITS, data)


async def test_named_dims_take_any_size_but_one_size(tmp_path: Path) -> None:
    model = relu(tmp_path / "r.onnx", ["n", "n"])
    async with open_executor() as executor:
        for size in (1, 5):
            values = np.full((size, size), -1, np.float32)
            outputs = decode_tensors(await executor.run(model, encode_tensors({"x": values})))
            assert outputs["y"].shape == (size, size)
            assert not outputs["y"].any()
        with pytest.raises(InferenceError, match=r"shape \[2, 3\]"):
            await executor.run(model, encode_tensors({"x": np.ones((2, 3), np.float32)}))
        with pytest.raises(InferenceError, match=r"shape \[0, 0\]"):
            await executor.run(model, encode_tensors({"x": np.ones((0, 0), np.float32)}))


async def test_load_says_what_is_unsupported(tmp_path: Path) -> None:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Bernoulli", ["x"], ["y"])], "random", info[:1], info[1:])
    async with open_executor() as executor:
        with pytest.raises(InferenceError, match=r"cannot be proved: Bernoulli \(1x\)"):
            await executor.load(save(tmp_path / "random.onnx", graph))


async def test_a_model_that_fails_leaves_the_executor_working(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"junk")
    async with open_executor() as executor:
        with pytest.raises(InferenceError):
            await executor.run(tmp_path / "bad.onnx", b"")
        await executor.run(DIGITS, encode_tensors({"image": ZEROS}))


async def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    tensors = encode_tensors({"v0": np.ones((700, 700), np.int32)})
    async with open_executor(seconds=0.2) as executor:
        model = slow(tmp_path / "slow.onnx")
        with trio.fail_after(10), pytest.raises(InferenceError, match=r"longer than 0\.2 s"):
            await executor.run(model, tensors)


async def test_cancelling_returns_at_once_and_frees_the_thread(tmp_path: Path) -> None:
    model = slow(tmp_path / "slow.onnx")
    tensors = encode_tensors({"v0": np.ones((700, 700), np.int32)})
    async with open_executor(threads=1) as executor:
        await executor.load(model)
        with trio.move_on_after(0.2):
            await executor.run(model, tensors)
        # One thread only: this answers when the abandoned run has ended at its next node.
        with trio.fail_after(10):
            await executor.run(DIGITS, encode_tensors({"image": ZEROS}))


async def test_another_model_under_the_same_path_is_loaded(tmp_path: Path) -> None:
    path = relu(tmp_path / "m.onnx", [1])
    async with open_executor() as executor:
        assert (await executor.describe(path)).operators == ("Relu",)
        path.write_bytes(DIGITS.read_bytes())
        assert "ArgMax" in (await executor.describe(path)).operators


def test_cache_drops_the_session_unused_longest(tmp_path: Path) -> None:
    cost = open_session(DIGITS).cost
    cache = SessionCache(2 * cost)
    keys = []
    for name in "abc":
        path = tmp_path / name
        path.write_bytes(DIGITS.read_bytes())
        keys.append(SessionCache.key(path))
    cache.add(keys[0], open_session(tmp_path / "a"))
    cache.add(keys[1], open_session(tmp_path / "b"))
    assert cache.get(keys[0]) is not None
    cache.add(keys[2], open_session(tmp_path / "c"))
    assert [cache.get(key) is not None for key in keys] == [True, False, True]


def test_cache_keeps_one_session_however_large() -> None:
    cache = SessionCache(0)
    key = SessionCache.key(DIGITS)
    cache.add(key, open_session(DIGITS))
    assert cache.get(key) is not None
    assert len(cache) == 1
