"""`p2pnode models quantise`: a float or QDQ model in integers, checked bit for bit, with what it gains."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import trio

from p2pnode.cli.models_check import (
    batch_json,
    cost_table,
    cycles_per_task,
    optional_config,
    rates_line,
)
from p2pnode.cli.output import Printer, config_path_option, json_option

if TYPE_CHECKING:
    from p2pnode.appraisal import BatchCost
    from p2pnode.proving import Rates
    from p2pnode.quantising import GuestCheck, Quantised

DEFAULT_CHECKED = 64
BATCH = 16

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("quantise")
@click.argument("file", type=_FILE)
@click.option("--calibration", type=_FILE, required=True, help=".npz with an array of samples per input.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: FILE-int8.onnx]")
@click.option("--labels", help="Array of right classes in the .npz; `labels` if it is there.")
@click.option("--per-channel", is_flag=True, help="A scale for each filter or column: better, a bit dearer.")
@click.option("--integer-io", is_flag=True, help="Take and give integers: no float is left to prove.")
@click.option(
    "--check",
    "most",
    type=click.IntRange(1),
    default=DEFAULT_CHECKED,
    show_default=True,
    help="Most samples run in the guest to compare bits.",
)
@config_path_option
@json_option
@click.pass_context
def quantise(
    ctx: click.Context,
    file: Path,
    calibration: Path,
    out: Path | None,
    labels: str | None,
    per_channel: bool,
    integer_io: bool,
    most: int,
    config: Path,
    printer: Printer,
) -> None:
    """Make the ONNX FILE an integer model that is proved cheaply.

    FILE is a float model, quantised by ONNX Runtime on the samples, or one in QDQ form, whose scales are
    kept. Reports accuracy, cycles, seconds and size before and after.
    """
    from p2pnode.inference.quantise import Options
    from p2pnode.proving import open_prover
    from p2pnode.quantising import check_in_guest, cost_of, quantise_file

    settings = optional_config(ctx, config)
    target = out or file.with_name(f"{file.stem}-int8.onnx")
    if target.absolute() == file.absolute():
        raise click.UsageError("--out is the model itself; give another file")

    async def run() -> "tuple[GuestCheck, list[BatchCost | str], Rates]":
        async with open_prover(binary=settings.prover.binary) as prover:
            checked = await check_in_guest(prover, made, most)
            price = settings.worker.hour_price
            many = [made.inputs[index % len(made.inputs)] for index in range(BATCH)]
            costs = [
                await cost_of(prover, file, made.source_inputs[:1], price),
                await cost_of(prover, target, made.inputs[:1], price),
                await cost_of(prover, target, many, price),
            ]
            return checked, costs, prover.rates

    with printer.progress("Quantising"):
        made = quantise_file(file, calibration, labels, Options(per_channel, integer_io))
        target.write_bytes(made.data)
    with printer.progress("Running both models in the guest"):
        checked, costs, rates = trio.run(run)
    found = {
        "file": str(file),
        "out": str(target),
        "exact": made.info.exact,
        "operators": list(made.info.operators),
        **_comparison(made),
        "guest": {"checked": checked.checked, "differ": checked.differ},
        "bytes_before": file.stat().st_size,
        "bytes_after": len(made.data),
        "before": _cost(costs[0]),
        "after": [_cost(cost) for cost in costs[1:]],
        "cycles_per_second": round(rates.cycles_per_second, 1),
    }
    printer.result(found, _lines(file, target, made, checked, costs, rates))


def _comparison(made: "Quantised") -> dict[str, Any]:
    result = made.comparison
    return {
        "samples": result.samples,
        "accuracy_before": result.before,
        "accuracy_after": result.after,
        "agreement": result.agreement,
        "mean_error": result.mean_error,
    }


def _cost(cost: "BatchCost | str") -> dict[str, Any]:
    return {"refusal": cost} if isinstance(cost, str) else batch_json(cost)


def _lines(
    file: Path,
    target: Path,
    made: "Quantised",
    checked: "GuestCheck",
    costs: "list[BatchCost | str]",
    rates: "Rates",
) -> Iterator[str]:
    result = made.comparison
    yield f"wrote {target}: {', '.join(made.info.operators)}"
    if result.before is not None and result.after is not None:
        yield f"  accuracy   {result.before:.2%} before, {result.after:.2%} after; {result.samples} samples"
    yield f"  same class {result.agreement:.2%} of {result.samples}; mean error {result.mean_error:.4g}"
    bits = f"{checked.differ} of {checked.checked} samples differ" if checked.differ else "the same bits"
    yield f"  guest      {bits} as in ONNX Runtime, {checked.checked} samples compared"
    yield f"  size       {file.stat().st_size:,} bytes before, {len(made.data):,} after"
    before, *after = costs
    if isinstance(before, str):
        yield f"  before     not provable: {before}"
    else:
        yield f"  before     {cycles_per_task(before):,} cycles for one, proved in {before.seconds:,.0f} s"
    yield "  after"
    for cost in after:
        if isinstance(cost, str):
            yield f"    not provable: {cost}"
    yield from cost_table([cost for cost in after if not isinstance(cost, str)])
    yield f"  {rates_line(rates)}"
