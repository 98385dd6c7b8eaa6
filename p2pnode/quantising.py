"""`p2pnode models quantise`, whole: a model file and samples to an integer model, checked and compared.

Between two parts: the quantiser of `inference`, and the prover's dry run, which runs the result with the
interpreter that is proved, natively and in the guest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from google.protobuf.message import DecodeError

from p2pnode.appraisal import BatchCost, batch_cost, measure
from p2pnode.errors import InferenceError, ProverError
from p2pnode.inference import ModelInfo, describe_model, read_bytes
from p2pnode.inference.calibration import Calibration, read_calibration
from p2pnode.inference.model import spec_of
from p2pnode.inference.quantise import Options, quantise
from p2pnode.inference.quantise_compare import Comparison, compare, run_samples, samples_for
from p2pnode.protocol.tensors import encode_tensors
from p2pnode.proving import SubprocessProver

_CHUNK = 32
"""Samples run in the guest at a time."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """An integer model and what is known of it.

    `inputs` and `outputs` are those of each sample in ONNX Runtime, canonically encoded.
    """

    data: bytes
    info: ModelInfo
    comparison: Comparison
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    source_inputs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class GuestCheck:
    """Of `checked` samples, how many the guest answered with other bits than ONNX Runtime."""

    checked: int
    differ: int


def quantise_file(path: Path, samples: Path, labels: str | None, options: Options) -> Quantised:
    """Quantise a model file. Raises InferenceError. Blocks while ONNX Runtime runs the samples."""
    data = read_bytes(path)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise InferenceError(f"model {path} is not an ONNX file: {error}") from error
    if not model.graph.node:
        raise InferenceError(f"model {path} is not an ONNX file: it has no graph with a node")
    calibration = _calibration(model, samples, labels)
    made = quantise(model, calibration, options)
    encoded = made.SerializeToString(deterministic=True)
    info = describe_model(encoded)
    own_samples = samples_for(made, calibration.samples)
    outputs = run_samples(made, own_samples)
    return Quantised(
        data=encoded,
        info=info,
        comparison=compare(model, made, calibration, outputs),
        inputs=tuple(map(encode_tensors, own_samples)),
        outputs=tuple(map(encode_tensors, outputs)),
        source_inputs=tuple(map(encode_tensors, calibration.samples)),
    )


def _calibration(model: onnx.ModelProto, samples: Path, labels: str | None) -> Calibration:
    constants = {tensor.name for tensor in model.graph.initializer}
    specs = tuple(spec_of(value) for value in model.graph.input if value.name not in constants)
    if not specs:
        raise InferenceError("model has no input; there is nothing to calibrate")
    return read_calibration(samples, specs, labels)


async def check_in_guest(prover: SubprocessProver, made: Quantised, most: int) -> GuestCheck:
    """Run up to `most` samples with the proved interpreter and compare every bit. Raises ProverError."""
    checked = differ = 0
    with TemporaryDirectory(prefix="p2pnode-quantised-") as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(made.data)
        for start in range(0, min(most, len(made.inputs)), _CHUNK):
            inputs = made.inputs[start : min(start + _CHUNK, most)]
            proved = (await measure(prover, model, inputs)).outputs
            wanted = made.outputs[start : start + len(inputs)]
            differ += sum(ours != theirs for ours, theirs in zip(proved, wanted, strict=True))
            checked += len(inputs)
    return GuestCheck(checked, differ)


async def cost_of(
    prover: SubprocessProver, model: Path, inputs: Sequence[bytes], hour_price: int
) -> BatchCost | str:
    """What one batch of these inputs costs, or why it cannot be proved."""
    try:
        return batch_cost(await measure(prover, model, inputs), prover.rates, hour_price)
    except ProverError as error:
        return str(error)
