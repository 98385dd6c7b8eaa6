"""Image files as model inputs, exactly.

A model that takes images says so in its ONNX metadata, under METADATA_KEY: a JSON object with the size in
pixels and the highest level a pixel can have (`levels`; 0 is black). A gray value g of 0..255 becomes the
level floor((g * levels + 127) / 255), that is g * levels / 255 rounded, which undoes `to_gray` for every
level. Nothing is resized: what is proved is what the file holds.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from p2pnode.errors import InferenceError

METADATA_KEY = "p2pnode.image"
MAX_FILE = 16 * 1024 * 1024
MAX_SIDE = 4096
MAX_METADATA = 1000


@dataclass(frozen=True, slots=True)
class ImageInput:
    """Size and levels of the images a model takes; its tensor is uint8 [1, height * width], row-major."""

    width: int
    height: int
    levels: int

    def to_json(self) -> str:
        """The metadata value."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "ImageInput":
        """Parse a metadata value. Raises InferenceError."""
        bounds = {"width": MAX_SIDE, "height": MAX_SIDE, "levels": 255}
        try:
            found = json.loads(text) if len(text) <= MAX_METADATA else None
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.keys() != bounds.keys():
            raise InferenceError(
                f"metadata {METADATA_KEY} is {text[:200]!r}; give JSON with {', '.join(bounds)}"
            )
        for name, most in bounds.items():
            if type(found[name]) is not int or not 1 <= found[name] <= most:
                raise InferenceError(f"metadata {METADATA_KEY} has {name} {found[name]!r}; give 1 to {most}")
        return ImageInput(**found)

    def to_gray(self, levels: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Gray values 0..255 that show `levels`."""
        return ((levels.astype(np.int64) * 255 + self.levels // 2) // self.levels).astype(np.uint8)

    def to_levels(self, gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Levels 0..`levels` of gray values."""
        return ((gray.astype(np.int64) * self.levels + 127) // 255).astype(np.uint8)


def read_image(path: Path, expected: ImageInput) -> npt.NDArray[np.uint8]:
    """The tensor of an image file, uint8 [1, height * width]. Raises InferenceError.

    Colour becomes gray by ITU-R BT.601 luma, as Pillow's mode L does.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise InferenceError(f"image {path} has {path.stat().st_size} bytes; give at most {MAX_FILE}")
        with Image.open(path) as image:
            if image.size != (expected.width, expected.height):
                raise InferenceError(
                    f"image {path} is {image.width}x{image.height} pixels; "
                    f"the model takes {expected.width}x{expected.height}"
                )
            gray = np.asarray(image.convert("L"), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise InferenceError(
            f"image {path} cannot be read: {error}; give a PNG or another common format"
        ) from error
    return expected.to_levels(gray).reshape(1, -1)
