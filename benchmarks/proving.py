"""Guest cycles of the reference models: exact, by running them in the guest without a proof.

    python -m benchmarks.proving [--json FILE] [--only NAME,NAME] [--batches 1,16,64]

Prints a table of user and paging cycles an inference at each batch size; integer models at all of them,
float models at 1. Counts do not depend on the machine. `make bench` runs it too, as its part `proving`.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import trio
from rich.console import Console
from rich.table import Table

from benchmarks.reference_models import Reference, references, write
from p2pnode.appraisal import measure
from p2pnode.inference import describe_model
from p2pnode.protocol.tensors import encode_tensors
from p2pnode.proving import Execution, SubprocessProver, open_prover

BATCHES = (1, 16, 64)
MEMORY = 20 << 30
"""Bytes that segments are sized for: counts are not to depend on what else the machine runs."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model at one batch size; cycles are of the whole batch."""

    model: str
    type: str
    batch: int
    user_cycles: int
    paging_cycles: int
    total_cycles: int
    segments: int

    @property
    def cycles_per_inference(self) -> int:
        """User and paging cycles, rounded up."""
        return -(-(self.user_cycles + self.paging_cycles) // self.batch)


def measure_cycles(only: Sequence[str] = (), batches: Sequence[int] = BATCHES) -> list[Row]:
    """Make the models and run them; `only` names some of them."""
    made = [one for one in references() if not only or one.name in only]
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        return trio.run(_measure_all, made, Path(folder), batches)


async def _measure_all(made: Sequence[Reference], folder: Path, batches: Sequence[int]) -> list[Row]:
    rows = []
    async with open_prover(memory=MEMORY) as prover:
        for reference in made:
            path, integer = write(reference, folder)
            inputs = [encode_tensors({"image": sample[None]}) for sample in reference.samples]
            rows.append(await _row(prover, reference.name, "float32", path, inputs[:1]))
            inputs = list(random_inputs(integer, max(batches)))
            for batch in batches:
                rows.append(await _row(prover, reference.name, "int8", integer, inputs[:batch]))
    return rows


async def _row(prover: SubprocessProver, name: str, kind: str, model: Path, inputs: Sequence[bytes]) -> Row:
    found: Execution = await measure(prover, model, inputs)
    return Row(
        name,
        kind,
        len(inputs),
        found.user_cycles,
        found.paging_cycles,
        found.total_cycles,
        found.segments,
    )


def random_inputs(model: Path, count: int) -> Iterator[bytes]:
    """Any pixels do: what an integer model costs does not depend on them but for rare roundings."""
    (spec,) = describe_model(model.read_bytes()).inputs
    draw = np.random.default_rng(0)
    assert spec.dims is not None
    shape = [dim for dim in spec.dims if isinstance(dim, int)]
    for _ in range(count):
        yield encode_tensors({spec.name: draw.integers(0, 256, shape).astype(np.uint8)})


def measure_proving() -> Mapping[str, float]:
    """The same as flat figures, for `python -m benchmarks`."""
    return {
        f"{row.model} {row.type}, batch {row.batch}: cycles an inference": row.cycles_per_inference
        for row in measure_cycles()
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proving", description="Guest cycles of the reference models."
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", default="", help="models to measure, by name")
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)), help="batch sizes")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name]
    rows = measure_cycles(names, [int(one) for one in options.batches.split(",")])
    table = Table(
        "model", "type", "batch", "user/inference", "paging/inference", "cycles/inference", "segments"
    )
    for row in rows:
        user, paging = -(-row.user_cycles // row.batch), -(-row.paging_cycles // row.batch)
        counts = (user, paging, row.cycles_per_inference, row.segments)
        table.add_row(row.model, row.type, str(row.batch), *(f"{count:,}" for count in counts))
    Console().print(table)
    if options.json is not None:
        figures = [{**asdict(row), "cycles_per_inference": row.cycles_per_inference} for row in rows]
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
