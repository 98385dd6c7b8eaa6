"""Sample inputs for quantising: an .npz archive with an array of samples for each input of the model."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pnode.errors import InferenceError
from p2pnode.inference.model import TensorSpec
from p2pnode.inference.sessions import check_inputs

Array = npt.NDArray[Any]

LEAST_SAMPLES = 10
"""Fewer say little about the range of an activation."""
MOST_BYTES = 1 << 30
DEFAULT_LABELS = "labels"


@dataclass(frozen=True)
class Calibration:
    """Samples as the model takes them, one a run, and the right class of each where it is known."""

    samples: tuple[dict[str, Array], ...]
    labels: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.samples)


def read_calibration(path: Path, specs: tuple[TensorSpec, ...], labels: str | None) -> Calibration:
    """Read `path` for a model with these inputs. Raises InferenceError that names the array and the remedy.

    The archive holds one array for each input, by its name, of its type, and of shape [samples, ...]: the
    first dim of the input is that of the batch, and runs take one sample. A model with one input may have
    its array under any name if there is no other. `labels` names the array of classes [samples]; None takes
    `labels` if it is there.
    """
    arrays = _load(path)
    wanted = DEFAULT_LABELS if labels is None else labels
    classes = arrays.pop(wanted, None)
    if labels is not None and classes is None:
        raise InferenceError(f"calibration {path} has no array {labels!r}; it has {_names(arrays)}")
    if len(specs) == 1 and specs[0].name not in arrays and len(arrays) == 1:
        arrays = {specs[0].name: next(iter(arrays.values()))}
    for spec in specs:
        if spec.name not in arrays:
            raise InferenceError(
                f"calibration {path} has no array {spec.name!r} for the input {spec}; it has {_names(arrays)}"
            )
        _check(path, spec, arrays[spec.name])
    count = len(arrays[specs[0].name])
    if any(len(arrays[spec.name]) != count for spec in specs):
        raise InferenceError(f"calibration {path} has arrays of different numbers of samples; give as many")
    if count < LEAST_SAMPLES:
        raise InferenceError(f"calibration {path} has {count} samples; give at least {LEAST_SAMPLES}")
    samples = tuple({spec.name: arrays[spec.name][i : i + 1] for spec in specs} for i in range(count))
    try:
        check_inputs(specs, samples[0])
    except InferenceError as error:
        raise InferenceError(f"calibration {path}: {error}") from error
    return Calibration(samples, None if classes is None else _classes(path, wanted, classes, count))


def _load(path: Path) -> dict[str, Array]:
    try:
        # Opened here: where the content is no archive, numpy would leave its own file open.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InferenceError(f"calibration {path} is one array; save an .npz with np.savez")
            size = sum(entry.file_size for entry in archive.zip.infolist()) if archive.zip else 0
            if size > MOST_BYTES:
                raise InferenceError(f"calibration {path} holds {size} bytes; give at most {MOST_BYTES}")
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InferenceError(f"calibration {path} is not an .npz archive of arrays: {error}") from error


def _check(path: Path, spec: TensorSpec, array: Array) -> None:
    where = f"calibration {path}: {spec.name!r}"
    if array.dtype != np.dtype(spec.dtype):
        raise InferenceError(
            f"{where} has type {array.dtype}; the model takes {spec.dtype}: save it with .astype"
        )
    if spec.dims is not None and (not spec.dims or spec.dims[0] not in (1, *_open(spec))):
        raise InferenceError(f"{where}: the model takes batches of {spec}; export it for a batch of 1")
    fixed = () if spec.dims is None else spec.dims[1:]
    fits = spec.dims is None or (
        array.ndim == len(spec.dims)
        and all(isinstance(dim, str) or dim == size for dim, size in zip(fixed, array.shape[1:], strict=True))
    )
    if not fits or array.ndim == 0:
        raise InferenceError(
            f"{where} has shape {list(array.shape)}; the model takes {spec}, with the samples first"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InferenceError(f"{where} holds values that are not finite; remove those samples")


def _open(spec: TensorSpec) -> tuple[str, ...]:
    assert spec.dims is not None
    return tuple(dim for dim in spec.dims[:1] if isinstance(dim, str))


def _classes(path: Path, name: str, classes: Array, count: int) -> npt.NDArray[np.int64]:
    if classes.shape != (count,) or classes.dtype.kind not in "iu":
        raise InferenceError(
            f"calibration {path}: {name!r} is {classes.dtype} {list(classes.shape)}; "
            f"give one whole number for each of the {count} samples"
        )
    return classes.astype(np.int64)


def _names(arrays: dict[str, Array]) -> str:
    return ", ".join(map(repr, arrays))[:300] or "none"
