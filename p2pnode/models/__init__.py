"""The packaged digits model and sixteen images it has never seen.

`benchmarks/make_digits_model.py` makes both and states the accuracy. Image names are `NN-label-D.png`:
position in the held-out split and the digit that a person wrote.
"""

from pathlib import Path

DIGITS = Path(__file__).parent / "digits.onnx"
"""Integer 64-12-10 perceptron: image uint8 [1,64] -> logits int32 [1,10], digit int64 [1]."""

IMAGES = Path(__file__).parent / "images"
"""Grayscale PNGs of 8x8 pixels."""


def digit_images() -> list[tuple[Path, int]]:
    """The packaged images with their labels, in order."""
    return [(path, int(path.stem.rpartition("-")[2])) for path in sorted(IMAGES.glob("*.png"))]
