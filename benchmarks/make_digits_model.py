"""Trains the digits model that the demo sells, and quantises it to integers.

Data: scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set (1,797 images of
8x8 pixels, 17 levels), a quarter of it held out. Model: 64-12-10 perceptron. Weights are rounded to 7 bits
with one scale a layer; biases and activations stay int32, so that the graph has no floating point at all:
ONNX Runtime and the proved interpreter agree bit for bit, and a proof pays for no soft float.

    python benchmarks/make_digits_model.py           train, and compare with the packaged model
    python benchmarks/make_digits_model.py --write   train, and replace the packaged model and images
"""

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

from p2pnode.models import DIGITS, IMAGES
from p2pnode.models.images import METADATA_KEY, ImageInput
from p2pnode.protocol.cid import to_cid

HIDDEN = 12
SEED = 0
WEIGHT_LIMIT = 63
"""7-bit weights: ONNX Runtime's kernels for CPUs without VNNI saturate on wider ones times uint8."""
OPSET = 17
LEAST_ACCURACY = 0.95
PACKAGED_IMAGES = 16
INPUT = ImageInput(width=8, height=8, levels=16)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """The split: pixels 0..16 as int64 [n, 64], labels [n]."""

    train: Integers
    train_labels: Integers
    test: Integers
    test_labels: Integers


@dataclass(frozen=True)
class Perceptron:
    """Integer weights [inputs, outputs] and biases of the two layers."""

    w1: Integers
    b1: Integers
    w2: Integers
    b2: Integers

    def logits(self, pixels: Integers) -> Integers:
        """What the ONNX graph computes, in numpy: [n, 64] -> [n, 10]."""
        hidden = np.maximum(pixels @ self.w1 + self.b1, 0)
        logits: Integers = hidden @ self.w2 + self.b2
        return logits


def digits() -> Digits:
    data = load_digits()
    split = train_test_split(
        data.data.astype(np.int64), data.target, test_size=0.25, stratify=data.target, random_state=SEED
    )
    return Digits(train=split[0], test=split[1], train_labels=split[2], test_labels=split[3])


def train(data: Digits) -> Perceptron:
    """Train in floating point, then round: w = round(w / s), bias in units of the product before it."""
    float_model = MLPClassifier(
        (HIDDEN,), alpha=1.0, max_iter=400, learning_rate_init=0.005, random_state=SEED
    )
    float_model.fit(data.train / INPUT.levels, data.train_labels)
    (w1, w2), (b1, b2) = float_model.coefs_, float_model.intercepts_
    s1, s2 = (np.abs(w).max() / WEIGHT_LIMIT for w in (w1, w2))
    unit = s1 / INPUT.levels

    def rounded(values: npt.NDArray[Any]) -> Integers:
        integers: Integers = np.rint(values).astype(np.int64)
        return integers

    return Perceptron(rounded(w1 / s1), rounded(b1 / unit), rounded(w2 / s2), rounded(b2 / (unit * s2)))


def graph(model: Perceptron) -> onnx.ModelProto:
    """image uint8 [1,64] -> logits int32 [1,10], digit int64 [1]."""
    nodes = [
        helper.make_node("MatMulInteger", ["image", "w1"], ["product1"]),
        helper.make_node("Add", ["product1", "b1"], ["sum1"]),
        helper.make_node("Relu", ["sum1"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "w2"], ["product2"]),
        helper.make_node("Add", ["product2", "b2"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["digit"], axis=1, keepdims=0),
    ]
    initializers = [
        numpy_helper.from_array(model.w1.astype(np.int8), "w1"),
        numpy_helper.from_array(model.b1.astype(np.int32), "b1"),
        numpy_helper.from_array(model.w2.astype(np.int32), "w2"),
        numpy_helper.from_array(model.b2.astype(np.int32), "b2"),
    ]
    proto = helper.make_model(
        helper.make_graph(
            nodes,
            "digits",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64])],
            [
                helper.make_tensor_value_info("logits", TensorProto.INT32, [1, 10]),
                helper.make_tensor_value_info("digit", TensorProto.INT64, [1]),
            ],
            initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
        producer_name="p2pnode",
    )
    helper.set_model_props(proto, {METADATA_KEY: INPUT.to_json()})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def largest_sum(model: Perceptron) -> int:
    """The largest magnitude that any uint8 image can bring into an accumulator."""
    hidden = 255 * np.abs(model.w1).sum(axis=0) + np.abs(model.b1)
    return int(max(hidden.max(), (hidden @ np.abs(model.w2) + np.abs(model.b2)).max()))


def write(encoded: bytes, data: Digits) -> None:
    """The model, and the first held-out images in the order of the split: none is chosen."""
    DIGITS.write_bytes(encoded)
    for old in IMAGES.glob("*.png"):
        old.unlink()
    for index in range(PACKAGED_IMAGES):
        gray = INPUT.to_gray(data.test[index]).reshape(INPUT.height, INPUT.width)
        Image.fromarray(gray, "L").save(IMAGES / f"{index:02}-label-{data.test_labels[index]}.png")


def facts(encoded: bytes, model: Perceptron, data: Digits) -> dict[str, Any]:
    right = model.logits(data.test).argmax(axis=1) == data.test_labels
    digest = hashlib.sha256(encoded).digest()
    return {
        "accuracy": round(float(right.mean()), 4),
        "test_images": len(right),
        "packaged_right": int(right[:PACKAGED_IMAGES].sum()),
        "bytes": len(encoded),
        "sha256": digest.hex(),
        "cid": to_cid(digest),
        "largest_sum": largest_sum(model),
    }


def main() -> int:
    """0 when the model is good enough, and, without --write, equal to the packaged one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="replace the packaged model and images")
    arguments = parser.parse_args()
    data = digits()
    model = train(data)
    encoded = graph(model).SerializeToString(deterministic=True)
    found = facts(encoded, model, data)
    print(json.dumps(found, indent=2))
    if found["accuracy"] < LEAST_ACCURACY or found["largest_sum"] >= 2**31:
        print(f"refused: accuracy must reach {LEAST_ACCURACY} and sums must fit int32", file=sys.stderr)
        return 1
    if arguments.write:
        write(encoded, data)
    elif encoded != Path(DIGITS).read_bytes():
        # Training in float64 depends on the BLAS kernels of the CPU in the last bits.
        print("differs from the packaged model: other CPU or library versions than it was made with")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
