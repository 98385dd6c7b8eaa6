"""Makes the models that proving is measured on: `python -m benchmarks.reference_models FOLDER`.

    digits-mlp      64-32-10 perceptron, trained on scikit-learn's digits
    digits-cnn      8 filters of 3x3, max pooling, 128-10, trained on the same
    mlp-784-128-10  perceptron of MNIST's shape, on weights from a seed
    lenet5          LeCun et al. 1998 with max pooling and ReLU, on weights from a seed

Each as float32 (`NAME.onnx`) with samples (`NAME.npz`: `image`, and `labels` where it was trained), and in
integers (`NAME-int8.onnx`), quantised by our own `models quantise` with integer inputs and outputs.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

from p2pnode.inference.quantise import Options
from p2pnode.quantising import quantise_file

Floats = npt.NDArray[np.float32]

SEED = 0
OPSET = 17
LEVELS = 16
FILTERS = 8


@dataclass(frozen=True)
class Reference:
    """A float model, samples [n, ...] of its one input `image`, and their classes if it was trained."""

    name: str
    model: onnx.ModelProto
    samples: Floats
    labels: npt.NDArray[np.int64] | None


def references() -> Sequence[Reference]:
    """All of them; the same each time, but for the last bits of training, which depend on the CPU."""
    return (digits_mlp(), digits_cnn(), mlp_784(), lenet5())


def digits_mlp() -> Reference:
    """64-32-10; samples are the held-out quarter."""
    train, test, train_labels, test_labels = _digits()
    fitted = MLPClassifier((32,), alpha=1.0, max_iter=400, learning_rate_init=0.005, random_state=SEED)
    fitted.fit(train, train_labels)
    weights: dict[str, npt.NDArray[Any]] = {}
    for layer, (w, b) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True), 1):
        weights |= {f"w{layer}": w, f"b{layer}": b}
    return Reference("digits-mlp", _perceptron("digits-mlp", 64, weights), test, test_labels)


def digits_cnn() -> Reference:
    """Filters are the principal components of the images' patches, and the last layer is trained on them."""
    train, test, train_labels, test_labels = _digits()
    filters = _patch_filters(train.reshape(-1, 8, 8))
    features = _features(train, filters)
    fitted = LogisticRegression(C=0.1, solver="newton-cholesky").fit(features, train_labels)
    weights = {
        "filters": filters,
        "zeros": np.zeros(FILTERS),
        "shape": np.array([1, -1], np.int64),
        "w": fitted.coef_.T,
        "b": fitted.intercept_,
    }
    nodes = [
        helper.make_node("Conv", ["image", "filters", "zeros"], ["c"], pads=[1] * 4, name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        helper.make_node("Reshape", ["p", "shape"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w", "b"], ["logits"], name="dense"),
    ]
    model = _model("digits-cnn", nodes, [1, 1, 8, 8], weights)
    return Reference("digits-cnn", model, test.reshape(-1, 1, 8, 8), test_labels)


def mlp_784() -> Reference:
    """784-128-10."""
    draw = np.random.default_rng(SEED)
    weights = {"w1": _he(draw, 784, 128), "b1": np.zeros(128), "w2": _he(draw, 128, 10), "b2": np.zeros(10)}
    samples = draw.random((64, 784), np.float32)
    return Reference("mlp-784-128-10", _perceptron("mlp-784-128-10", 784, weights), samples, None)


def lenet5() -> Reference:
    """28x28 padded to 32x32, two convolutions and three dense layers: 61,706 weights."""
    draw = np.random.default_rng(SEED)
    weights: dict[str, npt.NDArray[Any]] = {
        "k1": draw.normal(0, (2 / 25) ** 0.5, (6, 1, 5, 5)),
        "k2": draw.normal(0, (2 / 150) ** 0.5, (16, 6, 5, 5)),
        "shape": np.array([1, -1], np.int64),
    }
    sizes = (400, 120, 84, 10)
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        weights |= {f"w{layer}": _he(draw, inputs, outputs), f"b{layer}": np.zeros(outputs)}
    weights |= {"z1": np.zeros(6), "z2": np.zeros(16)}
    nodes = [
        helper.make_node("Conv", ["image", "k1", "z1"], ["c1"], pads=[2] * 4, name="conv1"),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2], name="pool1"),
        helper.make_node("Conv", ["p1", "k2", "z2"], ["c2"], name="conv2"),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        helper.make_node("MaxPool", ["r2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2], name="pool2"),
        helper.make_node("Reshape", ["p2", "shape"], ["h0"], name="flat"),
        *_dense("h0", 3),
    ]
    model = _model("lenet5", nodes, [1, 1, 28, 28], weights)
    return Reference("lenet5", model, draw.random((32, 1, 28, 28), np.float32), None)


def _digits() -> tuple[Floats, Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    data = load_digits()
    pixels = (data.data / LEVELS).astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(
        pixels, data.target.astype(np.int64), test_size=0.25, stratify=data.target, random_state=SEED
    )
    return train, test, train_labels, test_labels


def _patch_filters(images: Floats) -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    _, vectors = np.linalg.eigh(np.cov(windows.T))
    half = vectors.T[::-1][: FILTERS // 2]
    # Both signs: ReLU keeps one half of what a filter sees.
    filters: Floats = np.concatenate([half, -half]).reshape(FILTERS, 1, 3, 3).astype(np.float32)
    return filters


def _features(pixels: Floats, filters: Floats) -> Floats:
    """What the graph gives to its last layer."""
    padded = np.pad(pixels.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    maps = np.maximum(np.einsum("nyxij,fij->nfyx", windows, filters[:, 0]), 0)
    pooled: Floats = maps.reshape(len(maps), FILTERS, 4, 2, 4, 2).max(axis=(3, 5)).reshape(len(maps), -1)
    return pooled


def _he(draw: np.random.Generator, inputs: int, outputs: int) -> npt.NDArray[np.float64]:
    return draw.normal(0, (2 / inputs) ** 0.5, (inputs, outputs))


def _dense(source: str, layers: int) -> list[onnx.NodeProto]:
    """Gemm with ReLU between, from `source` to `logits`."""
    nodes = []
    for layer in range(1, layers + 1):
        target = "logits" if layer == layers else f"g{layer}"
        nodes.append(
            helper.make_node("Gemm", [source, f"w{layer}", f"b{layer}"], [target], name=f"dense{layer}")
        )
        if layer < layers:
            nodes.append(helper.make_node("Relu", [target], [f"h{layer}"], name=f"act{layer}"))
            source = f"h{layer}"
    return nodes


def _perceptron(name: str, inputs: int, weights: Mapping[str, npt.NDArray[Any]]) -> onnx.ModelProto:
    return _model(name, _dense("image", 2), [1, inputs], weights)


def _model(
    name: str, nodes: list[onnx.NodeProto], shape: list[int], weights: Mapping[str, npt.NDArray[Any]]
) -> onnx.ModelProto:
    constants = [
        numpy_helper.from_array(w if w.dtype == np.int64 else w.astype(np.float32), key)
        for key, w in weights.items()
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def write(reference: Reference, folder: Path) -> tuple[Path, Path]:
    """Write a model, its samples and its integer form; returns the two models' paths."""
    path, samples = folder / f"{reference.name}.onnx", folder / f"{reference.name}.npz"
    path.write_bytes(reference.model.SerializeToString(deterministic=True))
    arrays: dict[str, Any] = {"image": reference.samples}
    if reference.labels is not None:
        arrays["labels"] = reference.labels
    np.savez(samples, **arrays)
    made = quantise_file(path, samples, None, Options(integer_io=True))
    integer = folder / f"{reference.name}-int8.onnx"
    integer.write_bytes(made.data)
    return path, integer


def main() -> None:
    """Write all of them into a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reference_models", description="Makes the reference models."
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for reference in references():
        for path in write(reference, folder):
            print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
