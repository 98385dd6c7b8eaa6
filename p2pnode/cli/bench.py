"""`p2pnode bench`: what this machine can do as a worker."""

import contextlib
from pathlib import Path
from typing import Any

import click
import trio

from p2pnode.amounts import JOY
from p2pnode.cli.output import JoyAmount, Printer, joy, json_option
from p2pnode.cli.prover import ensure_prover


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--batch", type=click.IntRange(1, 256), default=16, show_default=True, help="Tasks in one proof."
)
@click.option(
    "--hour-price",
    type=JoyAmount(),
    default=2 * JOY,
    show_default="2",
    help="What an hour of proving has to earn, in JOY.",
)
@click.option("--prover", default="", help="Path of the prover; empty looks in its usual places.")
@json_option
def command(models: tuple[Path, ...], batch: int, hour_price: int, prover: str, printer: Printer) -> None:
    """Prove a batch of handwritten digits, count MODELS (ONNX files) too, and suggest capacity and price.

    Takes about half a minute on two cores. What it measures is kept, for `models check` and `doctor`.
    """
    from p2pnode.machine_bench import MachineBench, bench_machine
    from p2pnode.ports import Progress
    from p2pnode.proving import open_prover

    ensure_prover(prover)

    async def measure() -> MachineBench:
        async with open_prover(binary=prover) as opened:
            with contextlib.ExitStack() as stack:
                show = stack.enter_context(printer.updating("Executing")) if not printer.as_json else None

                def tell(step: Progress) -> None:
                    if show is not None:
                        left = "" if step.remaining is None else f", {step.remaining:.0f} s left"
                        show(f"Proving {batch} digits: {step.step} {step.index} of {step.total}{left}")

                return await bench_machine(opened, models, batch, hour_price, tell)

    found = trio.run(measure)
    printer.result(_plain(found), _lines(found))


def _plain(found: Any) -> dict[str, Any]:
    return {
        "khz": round(found.khz, 2),
        "proof_seconds": round(found.proof_seconds, 1),
        "wrap_seconds": round(found.rates.wrap_seconds, 1),
        "seal_bytes": found.seal_bytes,
        "batch": found.batch,
        "models": [
            {
                "name": model.name,
                "answer_ms": round(1000 * model.answer_seconds, 3),
                "cycles": model.cost.execution.total_cycles,
                "proof_seconds": round(model.cost.seconds, 1),
                "seconds_per_task": round(model.seconds_per_task, 2),
                "price": str(model.cost.price),
            }
            for model in found.models
        ],
        "suggested": {"capacity": found.capacity, "price": str(found.price), "batch_size": found.batch},
    }


def _lines(found: Any) -> list[str]:
    lines = [
        f"proved {found.batch} digits in {found.proof_seconds:.1f} s: {found.khz:.1f} kHz, "
        f"of it {found.rates.wrap_seconds:.1f} s for the wrap; seal of {found.seal_bytes:,} bytes",
        "",
        f"{'model':24} {'answer':>10} {'cycles':>14} {'proof':>9} {'a task':>9} {'price':>16}",
    ]
    for model in found.models:
        cycles, seconds = model.cost.execution.total_cycles, model.cost.seconds
        lines.append(
            f"{model.name[:24]:24} {1000 * model.answer_seconds:>7.2f} ms {cycles:>14,} {seconds:>7.0f} s "
            f"{model.seconds_per_task:>7.1f} s {joy(model.cost.price):>16}"
        )
    return [
        *lines,
        "",
        f"suggested: worker.capacity = {found.capacity}    # tasks that are proved within ten minutes",
        f"           worker.price = {found.price}    # {joy(found.price)}; the gas comes on top",
        f"           worker.batch_size = {found.batch}",
    ]
