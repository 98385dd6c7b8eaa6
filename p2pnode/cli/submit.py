"""`p2pnode submit`: tasks for the running node, shown live."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import trio

from p2pnode.cli.output import JoyAmount, Printer, config_option, hexed, joy, json_option, priced, printable
from p2pnode.config import Config
from p2pnode.control import ControlClient, SubmitRequest, TaskReport, Wait
from p2pnode.errors import InferenceError, ProtocolError
from p2pnode.protocol.cid import content_digest, from_cid
from p2pnode.protocol.tensors import decode_tensors

SHOWN = 16
"""Elements of an output that are printed in a line."""


@click.command()
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--price-max",
    type=JoyAmount(),
    default="0.05",
    show_default=True,
    help="Most to pay a worker for one task, in JOY; the model's fee comes on top.",
)
@click.option("--price-min", type=JoyAmount(), default="0", show_default=True, help="Where the price starts.")
@click.option(
    "--wait",
    type=click.Choice([wait.value for wait in Wait]),
    default=Wait.SETTLED.value,
    show_default=True,
    help="Until every task is answered, or proved and paid.",
)
@click.option(
    "--receipts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the receipt files; with --wait settled.",
)
@config_option
@json_option
def command(
    model: str,
    inputs: tuple[Path, ...],
    price_max: int,
    price_min: int,
    wait: str,
    receipts: Path | None,
    config: Config,
    printer: Printer,
) -> None:
    """Have MODEL (CID, digest in hex, or ONNX file) run on INPUTS, one task for each file.

    An input is a .npy array, a .json file or, for a model that takes images, an image; a folder stands for
    all inputs in it. Needs `p2pnode run` in another terminal.
    """
    digest = model_digest(model)
    client = ControlClient(config.control_socket)
    show = _Live(printer, config)

    async def send() -> Sequence[TaskReport]:
        with printer.progress("Fetching the model"):
            path = await client.model(digest)
        files, tensors = await trio.to_thread.run_sync(read_files, path, inputs)
        labels = tuple(file.name for file in files)
        request = SubmitRequest(digest, tuple(tensors), labels, price_min, price_max, Wait(wait))
        reports = await client.submit(request, show.event)
        if receipts is not None:
            await _save(client, reports, receipts)
        return reports

    reports = trio.run(send)
    done = {Wait.ANSWERED: ("answered", "settled"), Wait.SETTLED: ("settled",)}[Wait(wait)]
    show.reports(reports)
    if not all(report.state in done for report in reports):
        raise SystemExit(1)


def model_digest(model: str) -> bytes:
    """The digest that a CID, 64 hex digits or an ONNX file stand for."""
    path = Path(model)
    if path.suffix == ".onnx":
        try:
            return content_digest(path.read_bytes())
        except OSError as error:
            raise InferenceError(f"model {model}: {error.strerror}; give a CID or an ONNX file") from error
    digits = model.removeprefix("0x")
    try:
        return bytes.fromhex(digits) if len(digits) == 64 else from_cid(model)
    except ValueError as error:
        raise ProtocolError(f"model {model!r:.80}: give its CID, bafkrei...") from error


def read_files(model: Path, inputs: Sequence[Path]) -> tuple[list[Path], list[bytes]]:
    """The files that `inputs` stand for, folders opened, and each as `model` takes it, encoded."""
    from p2pnode.inference import read_inputs, read_model
    from p2pnode.inference.inputs import input_files

    _, info = read_model(model)
    files = [file for given in inputs for file in input_files(given)]
    return files, [read_inputs(file, info) for file in files]


async def _save(client: ControlClient, reports: Sequence[TaskReport], folder: Path) -> None:
    target = trio.Path(folder)
    await target.mkdir(parents=True, exist_ok=True)
    for report in reports:
        text = await client.receipt(report.task_id) if len(report.task_id) == 32 else None
        if text is not None:
            await (target / f"{report.task_id.hex()}.json").write_text(text)


class _Live:
    """Prints each step with the seconds since the start; with --json one object a line."""

    def __init__(self, printer: Printer, config: Config) -> None:
        self._printer = printer
        self._config = config
        self._start = time.monotonic()
        self._offers: dict[object, str] = {}

    def event(self, name: str, fields: Mapping[str, Any]) -> None:
        seconds = time.monotonic() - self._start
        if fields.get("offer"):
            self._offers[fields.get("task")] = str(fields["offer"])
        if self._printer.as_json:
            click.echo(json.dumps({"event": name, "seconds": round(seconds, 3), **fields}))
            return
        label = printable(str(fields.get("label", "")))
        shown = "  ".join(
            f"{key}={_short(key, value)}" for key, value in fields.items() if key not in ("label", "task")
        )
        click.echo(f"{seconds:8.2f} s  {name:20} {label:20} {shown}".rstrip())

    def reports(self, reports: Sequence[TaskReport]) -> None:
        """The end of every task."""
        self._printer.result(
            {"tasks": [_report(report) for report in reports]},
            [_line(report, self._config) for report in reports],
        )
        unbid = [index for index, report in enumerate(reports) if report.state == "unbid"]
        if unbid and unbid[0] in self._offers:
            offer = printable(self._offers[unbid[0]])[:12]
            click.echo(f"what would get a bid: p2pnode explain {offer}", err=True)


def _short(key: str, value: object) -> str:
    if key in ("price", "paid") and isinstance(value, int):
        return joy(value)
    if isinstance(value, float):
        return f"{value:.3f}"
    text = printable(str(value))
    # Digests and PeerIds: the start tells them apart.
    return f"{text[:12]}..." if len(text) >= 40 and " " not in text else text


def _report(report: TaskReport) -> dict[str, Any]:
    outputs = decode_tensors(report.output) if report.output else {}
    return {
        "label": report.label,
        "state": report.state,
        "task_id": hexed(report.task_id),
        "worker": hexed(report.worker),
        "price": str(report.price),
        "model_fee": str(report.model_fee),
        "outputs": {name: array.tolist() for name, array in outputs.items()},
        "transaction": hexed(report.transaction),
        "reason": report.reason,
    }


def _line(report: TaskReport, config: Config) -> str:
    if not report.output:
        return f"{report.label}: {report.state}: {printable(report.reason)}"
    paid = f"{priced(report.price, config)} to 0x{report.worker.hex()}"
    return f"{report.label}: {report.state}: {shown(report.output)}; {paid}"


def shown(output: bytes) -> str:
    """Encoded outputs in a line, SHOWN elements of each."""
    parts = []
    for name, array in decode_tensors(output).items():
        values = ", ".join(str(value) for value in array.flatten()[:SHOWN])
        more = ", ..." if array.size > SHOWN else ""
        parts.append(f"{printable(name)} = [{values}{more}]")
    return "; ".join(parts)
