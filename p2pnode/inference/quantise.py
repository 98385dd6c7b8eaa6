"""From a float model to one in integers that is proved cheaply, with the same bits as ONNX Runtime.

Scales come from ONNX Runtime's static quantiser; the integer form from our own rule (`quantise_lower`), also
for models that come in QDQ form. Activations are uint8. Weights are int8 of 7 bits: ONNX Runtime's kernels
for processors without VNNI add pairs of uint8 * int8 in 16 bits, where 8-bit weights saturate and the answer
would depend on the machine.
"""

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

from p2pnode.errors import InferenceError
from p2pnode.inference.calibration import Array, Calibration
from p2pnode.inference.quantise_graph import Dequantised, Rewriting
from p2pnode.inference.quantise_layout import lay_out
from p2pnode.inference.quantise_lower import has_qdq, lower_qdq

METADATA_KEY = "p2pnode.quantisation"
"""Model metadata: scale and zero point of inputs and outputs that were made integers."""

_PRODUCTS = ("Conv", "Gemm", "MatMul")
_MOVING = ("Clip", "Flatten", "MaxPool", "Relu", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_QUANTISED = [
    *_PRODUCTS,
    "Clip",
    "Flatten",
    "MaxPool",
    "Relu",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
]


@dataclass(frozen=True, slots=True)
class Options:
    """`per_channel`: a scale for each filter or column, better and a little dearer than one a layer.

    `integer_io`: the model takes and gives the integers themselves, so that nothing in it is float.
    """

    per_channel: bool = False
    integer_io: bool = False


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: tuple[dict[str, Array], ...]) -> None:
        self._samples: Iterator[dict[str, Array]] = iter(samples)

    def get_next(self) -> dict[str, Array] | None:
        """The next sample; None ends them."""
        return next(self._samples, None)


def quantise(model: onnx.ModelProto, calibration: Calibration, options: Options) -> onnx.ModelProto:
    """The integer form of a float model, or of one in QDQ form, whose own scales are kept.

    Raises InferenceError where there is nothing to quantise or ONNX Runtime's quantiser fails.
    """
    qdq = model if has_qdq(model) else _calibrated(model, calibration, options)
    lowered = lower_qdq(qdq)
    if all(node.op_type not in ("QLinearConv", "QLinearMatMul", "QGemm") for node in lowered.graph.node):
        raise InferenceError(
            f"model has no {', '.join(_PRODUCTS)} that could be made integer; it is proved as it is"
        )
    if options.integer_io:
        lowered = _with_integer_io(lowered)
    lowered.producer_name = "p2pnode"
    # What ONNX Runtime's tools leave there says nothing of this model.
    kept = [one for one in lowered.metadata_props if not one.key.startswith("onnx.")]
    del lowered.metadata_props[:]
    lowered.metadata_props.extend(kept)
    return lay_out(lowered)


def _calibrated(model: onnx.ModelProto, calibration: Calibration, options: Options) -> onnx.ModelProto:
    """QDQ form by ONNX Runtime's static quantiser, after its own preparation (BatchNormalization folded)."""
    with TemporaryDirectory(prefix="p2pnode-quantise-") as folder, _quiet():
        source, prepared, result = (Path(folder) / name for name in ("in.onnx", "prepared.onnx", "out.onnx"))
        source.write_bytes(model.SerializeToString())
        try:
            # Without symbolic shapes: they need sympy, and serve graphs with shapes made of data.
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                result,
                _Samples(calibration.samples),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=[*_PRODUCTS, *_MOVING],
                per_channel=options.per_channel,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            reason = " ".join(str(error).split())[:500]
            raise InferenceError(f"ONNX Runtime's quantiser refused the model: {reason}") from error
        return onnx.load(result)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice, which it prints and logs at the root, out of our output."""
    root = logging.getLogger()
    disabled, root.disabled = root.disabled, True
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.disabled = disabled


def _with_integer_io(model: onnx.ModelProto) -> onnx.ModelProto:
    """Inputs that are only quantised, and outputs that are only dequantised, as the integers they are."""
    graph = Rewriting(model)
    known: dict[str, dict[str, float | int | str]] = {}
    for value in graph.graph.input:
        readers = [node for node in graph.nodes if value.name in node.input]
        found = [graph.parameters(node) if node.op_type == "QuantizeLinear" else None for node in readers]
        first = found[0] if found else None
        if (
            first is None
            or not first.is_single
            or any(one is None or not first.same_as(one) for one in found)
        ):
            continue
        if value.name in graph.outputs or any(node.output[0] in graph.outputs for node in readers):
            continue
        for node in readers:
            graph.replace(node, [])
            graph.rename(node.output[0], value.name)
        known[value.name] = _as_integer(value, first)
    for value in graph.graph.output:
        source = graph.dequantised(value.name)
        producer = graph.producer(value.name)
        if source is None or producer is None or not source.is_single or graph.readers(value.name) != 1:
            continue
        if source.integers in graph.outputs or graph.producer(source.integers) is None:
            graph.replace(producer, [helper.make_node("Identity", [source.integers], [value.name])])
        else:
            graph.replace(producer, [])
            graph.rename(source.integers, value.name)
        known[value.name] = _as_integer(value, source)
    done = graph.finish()
    if known:
        helper.set_model_props(
            done, {**{one.key: one.value for one in done.metadata_props}, METADATA_KEY: json.dumps(known)}
        )
    return done


def _as_integer(value: onnx.ValueInfoProto, by: Dequantised) -> dict[str, float | int | str]:
    kind = TensorProto.UINT8 if by.zero_point.dtype.kind == "u" else TensorProto.INT8
    value.type.tensor_type.elem_type = kind
    return {
        "scale": float(by.scale.item()),
        "zero_point": int(by.zero_point.item()),
        "type": str(by.zero_point.dtype),
    }
