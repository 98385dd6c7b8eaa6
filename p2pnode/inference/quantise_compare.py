"""What quantising did to the answers: the model before and after, on the same samples in ONNX Runtime."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]

from p2pnode.errors import InferenceError
from p2pnode.inference.calibration import Array, Calibration
from p2pnode.inference.quantise import METADATA_KEY
from p2pnode.inference.quantise_graph import Dequantised, quantised
from p2pnode.inference.sessions import run_options, session_options

Outputs = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`before` and `after` are shares of right classes, None without labels.

    `agreement` is the share of samples that got the same class; `mean_error` the mean absolute difference
    of the first output, in its own units.
    """

    samples: int
    before: float | None
    after: float | None
    agreement: float
    mean_error: float


def run_samples(model: onnx.ModelProto, samples: Sequence[dict[str, Array]]) -> list[Outputs]:
    """Outputs of each sample, without any graph optimisation. Raises InferenceError."""
    names = [value.name for value in model.graph.output]
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
        )
        options = run_options()
        found = [session.run(names, sample, options) for sample in samples]
    except Exception as error:  # ONNX Runtime's errors have no common base of their own
        raise InferenceError(f"model cannot be run: {' '.join(str(error).split())[:500]}") from error
    return [dict(zip(names, map(np.asarray, outputs), strict=True)) for outputs in found]


def samples_for(model: onnx.ModelProto, samples: Sequence[dict[str, Array]]) -> list[dict[str, Array]]:
    """The samples as a model with integer inputs takes them: quantised by the scales in its metadata."""
    known = _quantisation(model)

    def convert(name: str, array: Array) -> Array:
        return quantised(array, known[name]) if name in known and array.dtype.kind == "f" else array

    return [{name: convert(name, array) for name, array in sample.items()} for sample in samples]


def compare(
    before: onnx.ModelProto, after: onnx.ModelProto, calibration: Calibration, outputs: Sequence[Outputs]
) -> Comparison:
    """The two models on all samples; `outputs` are those of `after`. Raises InferenceError."""
    name = before.graph.output[0].name
    first = [np.asarray(one[name], np.float64) for one in run_samples(before, calibration.samples)]
    second = [_real(after, name, one[name]) for one in outputs]
    wanted = calibration.labels
    classes = [np.array([_class_of(array) for array in arrays], np.int64) for arrays in (first, second)]
    errors = [float(np.abs(a - b).mean()) for a, b in zip(first, second, strict=True)]
    return Comparison(
        samples=len(calibration),
        before=_share(classes[0], wanted),
        after=_share(classes[1], wanted),
        agreement=float((classes[0] == classes[1]).mean()),
        mean_error=float(np.mean(errors)),
    )


def _share(classes: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64] | None) -> float | None:
    return None if wanted is None else float((classes == wanted).mean())


def _class_of(array: Array) -> int:
    """The largest of the scores of one sample; a single number is the class itself."""
    return int(array.item()) if array.size == 1 else int(array.reshape(-1).argmax())


def _real(model: onnx.ModelProto, name: str, array: Array) -> Array:
    known = _quantisation(model).get(name)
    real = array.astype(np.float64)
    return real if known is None else (real - known.zero_point) * known.scale


def _quantisation(model: onnx.ModelProto) -> dict[str, Dequantised]:
    """Of inputs and outputs that were made integers, by name."""
    found = {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY, "{}")
    return {
        name: Dequantised(
            name, np.array(one["scale"], np.float32), np.array(one["zero_point"], one["type"]), 0
        )
        for name, one in json.loads(found).items()
    }
