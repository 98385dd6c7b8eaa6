"""How fast this machine answers and proves, measured with a real batch, and what that is worth."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from p2pnode.appraisal import BatchCost, batch_cost, measure
from p2pnode.inference import open_executor, read_inputs, read_model, sample_input
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import Progress, ProofTask
from p2pnode.proving import Rates, SubprocessProver

PATIENCE_SECONDS: Final = 600
"""How long an answered task may wait for its proof to be done; capacity follows from it."""
MOST_CAPACITY: Final = 1024
_RUNS: Final = 50


@dataclass(frozen=True, slots=True)
class ModelBench:
    """One model: seconds of an answer by ONNX Runtime, and what a batch of it takes to prove."""

    name: str
    answer_seconds: float
    cost: BatchCost

    @property
    def seconds_per_task(self) -> float:
        """Share of one task in the proof."""
        return self.cost.seconds / self.cost.execution.tasks


@dataclass(frozen=True, slots=True)
class MachineBench:
    """`proof_seconds` is the whole of the proof that was made, `rates` its steps' speeds."""

    proof_seconds: float
    seal_bytes: int
    rates: Rates
    models: tuple[ModelBench, ...]
    batch: int

    @property
    def khz(self) -> float:
        """Thousand guest cycles a second."""
        return self.rates.cycles_per_second / 1000

    @property
    def capacity(self) -> int:
        """Tasks that can be held and still be proved within PATIENCE_SECONDS each, of the slowest model."""
        slowest = max(model.cost.seconds for model in self.models)
        return min(MOST_CAPACITY, max(1, int(PATIENCE_SECONDS / slowest) * self.batch))

    @property
    def price(self) -> int:
        """Least price of a task of the slowest model, in the smallest unit, rounded up to three digits."""
        price = max(model.cost.price for model in self.models)
        unit: int = 10 ** max(0, len(str(price)) - 3)
        return -(-price // unit) * unit


async def bench_machine(
    prover: SubprocessProver,
    models: Sequence[Path],
    batch: int,
    hour_price: int,
    on_progress: Callable[[Progress], None],
) -> MachineBench:
    """Prove `batch` handwritten digits, then count each of `models`. Raises ProverError or InferenceError."""
    _, info = read_model(DIGITS)
    files = [file for file, _ in digit_images()]
    inputs = [read_inputs(files[index % len(files)], info) for index in range(batch)]
    tasks = [ProofTask(bytes([index // 256, index % 256]).rjust(32), one) for index, one in enumerate(inputs)]
    started = time.monotonic()
    with TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        proof = await prover.prove(DIGITS, tasks, Path(folder), on_progress)
    seconds = time.monotonic() - started
    found = [await _model(prover, path, batch, hour_price) for path in (DIGITS, *models)]
    return MachineBench(seconds, len(proof.seal), prover.rates, tuple(found), batch)


async def _model(prover: SubprocessProver, path: Path, batch: int, hour_price: int) -> ModelBench:
    _, info = read_model(path)
    tensors = sample_input(info)
    took = []
    async with open_executor() as executor:
        await executor.run(path, tensors)
        for _ in range(_RUNS):
            started = time.perf_counter()
            await executor.run(path, tensors)
            took.append(time.perf_counter() - started)
    execution = await measure(prover, path, [tensors] * batch)
    return ModelBench(path.stem, median(took), batch_cost(execution, prover.rates, hour_price))
