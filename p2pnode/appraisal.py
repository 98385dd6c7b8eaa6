"""What a model costs to prove on this machine, counted by running it in the guest; and why it cannot be.

Between two parts: the checks of `inference` and the prover's dry run, whose counts are exact.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from p2pnode.errors import InferenceError, ProverError
from p2pnode.inference import ModelInfo, describe_model, read_bytes, read_inputs, sample_input
from p2pnode.ports import ProofTask
from p2pnode.protocol.tensors import encode_tensors
from p2pnode.proving import Execution, NodeProblem, Rates, SubprocessProver, node_problems

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class BatchCost:
    """One batch size: exact counts, the estimated seconds of its proof, and what a task must then cost.

    `price` is in the smallest unit: the share of a task in `hour_price` for the time of the proof.
    """

    execution: Execution
    seconds: float
    price: int


@dataclass(frozen=True, slots=True)
class Appraisal:
    """Of one model file. It is provable when there are `costs`; else `problems` or `refusal` say why not."""

    info: ModelInfo | None
    problems: tuple[NodeProblem, ...]
    refusal: str
    costs: tuple[BatchCost, ...]
    rates: Rates

    @property
    def provable(self) -> bool:
        """Whether the guest ran it."""
        return bool(self.costs)


async def appraise(
    prover: SubprocessProver, model: Path, input_file: Path | None, batches: Sequence[int], hour_price: int
) -> Appraisal:
    """Run `model` in the guest on `input_file`, else on `sample_input`, once for each batch size.

    Raises InferenceError for an input that cannot be read; what is wrong with the model is in the result.
    """
    rates = prover.rates
    info, refusal = None, ""
    try:
        data = read_bytes(model)
        try:
            info = describe_model(data)
        except InferenceError as error:
            refusal = str(error)
    except InferenceError as error:
        return Appraisal(None, (), str(error), (), rates)
    if info is None:
        # The interpreter reads the model before its input, and names every node that it refuses.
        tensors = encode_tensors({"none": np.zeros(1, np.uint8)})
    else:
        tensors = sample_input(info) if input_file is None else read_inputs(input_file, info)
    try:
        executions = [await measure(prover, model, [tensors] * batch) for batch in batches]
    except ProverError as error:
        problems = node_problems(str(error))
        return Appraisal(info, problems, "" if problems else refusal or str(error), (), rates)
    if info is None:
        # The interpreter would run it, the node's own limits do not let it.
        return Appraisal(None, (), refusal, (), rates)
    costs = tuple(batch_cost(execution, rates, hour_price) for execution in executions)
    return Appraisal(info, (), "", costs, rates)


async def measure(prover: SubprocessProver, model: Path, inputs: Sequence[bytes]) -> Execution:
    """Run one batch of encoded inputs in the guest, natively too, and compare the two. Raises ProverError."""
    tasks = [ProofTask(hashlib.sha256(b"%d" % index).digest(), one) for index, one in enumerate(inputs)]
    with TemporaryDirectory(prefix="p2pnode-measure-") as folder:
        return await prover.measure(model, tasks, Path(folder))


def batch_cost(execution: Execution, rates: Rates, hour_price: int) -> BatchCost:
    """A run in the guest as time and money."""
    seconds = execution.proving_seconds(rates)
    # In milliseconds, so that the price is exact and rounded up.
    price = -(-hour_price * round(seconds * 1000) // (1000 * _HOUR * execution.tasks))
    return BatchCost(execution, seconds, price)
