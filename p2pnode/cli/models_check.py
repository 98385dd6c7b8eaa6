"""`p2pnode models check`: whether a model can be proved, and what that costs on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import trio

from p2pnode.cli.output import Printer, config_path_option, joy, json_option
from p2pnode.config import Config, load_config

if TYPE_CHECKING:
    from p2pnode.appraisal import Appraisal, BatchCost
    from p2pnode.proving import Rates

NOT_PROVABLE = 1
DEFAULT_BATCHES = (1, 16)

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--input", "input_file", type=_FILE, help="Count on this input: .npy, .json or an image.")
@click.option(
    "--batch",
    "batches",
    multiple=True,
    type=click.IntRange(1, 1024),
    default=DEFAULT_BATCHES,
    show_default=True,
    help="Tasks proved together; may be given several times.",
)
@config_path_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    file: Path,
    input_file: Path | None,
    batches: tuple[int, ...],
    config: Path,
    printer: Printer,
) -> None:
    """Say whether the ONNX FILE can be proved, and its cycles, memory, seconds and price.

    Works without a configuration; prices then follow the default of worker.hour_price.
    """
    from p2pnode.appraisal import Appraisal, appraise
    from p2pnode.proving import open_prover

    settings = optional_config(ctx, config)

    async def run() -> Appraisal:
        async with open_prover(binary=settings.prover.binary) as prover:
            return await appraise(prover, file, input_file, batches, settings.worker.hour_price)

    with printer.progress("Running the model in the guest"):
        found = trio.run(run)
    printer.result({"file": str(file), **appraisal_json(found)}, _lines(file, found, settings))
    if not found.provable:
        raise SystemExit(NOT_PROVABLE)


def optional_config(ctx: click.Context, path: Path) -> Config:
    """The configuration if it was named or is there, else the defaults."""
    named = ctx.get_parameter_source("config") is not click.core.ParameterSource.DEFAULT
    return load_config(path) if named or path.expanduser().exists() else Config()


def appraisal_json(found: "Appraisal") -> dict[str, Any]:
    """An appraisal as commands print it with --json."""
    return {
        "provable": found.provable,
        "exact": found.info is not None and found.info.exact,
        "refusal": found.refusal,
        "problems": [
            {"node": one.node, "operator": one.operator, "opset": one.opset, "reason": one.reason}
            for one in found.problems
        ],
        "batches": [batch_json(cost) for cost in found.costs],
        "rates": {
            "measured_at": found.rates.measured_at,
            "cycles_per_second": round(found.rates.cycles_per_second, 1),
        },
    }


def batch_json(cost: "BatchCost") -> dict[str, Any]:
    """One batch size; the price as decimal text of the smallest unit."""
    execution = cost.execution
    return {
        "tasks": execution.tasks,
        "user_cycles": execution.user_cycles,
        "paging_cycles": execution.paging_cycles,
        "total_cycles": execution.total_cycles,
        "cycles_per_task": cycles_per_task(cost),
        "segments": execution.segments,
        "memory_bytes": execution.memory,
        "seconds": round(cost.seconds, 1),
        "price_per_task": str(cost.price),
    }


def cycles_per_task(cost: "BatchCost") -> int:
    """User and paging cycles of the batch, shared among its tasks."""
    execution = cost.execution
    return -(-(execution.user_cycles + execution.paging_cycles) // execution.tasks)


def rates_line(rates: "Rates") -> str:
    """Where the seconds come from."""
    speed = f"{rates.cycles_per_second:,.0f} cycles a second"
    if rates.measured_at:
        return f"seconds are estimated from the last proof on this machine: {speed}"
    return f"no proof was measured on this machine yet: seconds assume {speed}, as on two cores without a GPU"


def _lines(file: Path, found: "Appraisal", settings: Config) -> Iterator[str]:
    if not found.provable:
        yield f"{file}: NOT provable"
        yield from (f"  {problem}" for problem in found.problems)
        if found.refusal:
            yield f"  {found.refusal}"
        return
    assert found.info is not None
    yield f"{file}: provable"
    yield (
        "  integers throughout: the answer of ONNX Runtime is the proved one, bit for bit"
        if found.info.exact
        else "  float values: proved in soft float, the last bits may differ from ONNX Runtime's; "
        "`p2pnode models quantise` makes it cheaper"
    )
    yield from cost_table(found.costs)
    yield f"  {rates_line(found.rates)}"
    hour = joy(settings.worker.hour_price)
    yield f"  prices earn {hour} an hour of proving (worker.hour_price); gas and the model's fee are extra"


def cost_table(costs: Sequence["BatchCost"]) -> Iterator[str]:
    """A line for each batch size, under a heading; prices rounded up to a millionth of a JOY."""
    yield f"  batch {'cycles/task':>14} {'segments':>8} {'memory':>9} {'seconds':>9} {'price/task':>14}"
    for cost in costs:
        execution = cost.execution
        memory, seconds = f"{execution.memory / 2**30:.1f} GiB", f"{cost.seconds:,.0f}"
        price = joy(-(-cost.price // 10**12) * 10**12)
        yield (
            f"  {execution.tasks:>5} {cycles_per_task(cost):>14,} {execution.segments:>8} {memory:>9} "
            f"{seconds:>9} {price:>14}"
        )
