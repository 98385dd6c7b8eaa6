"""`p2pnode session`: many small calls to one worker, paid together."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from p2pnode.cli.output import JoyAmount, Printer, config_option, joy, json_option, priced, printable
from p2pnode.cli.submit import model_digest, read_files, shown
from p2pnode.config import Config
from p2pnode.control import AnsweredCall, Calls, ControlClient, OpenSession
from p2pnode.errors import MarketError
from p2pnode.protocol.cid import from_cid
from p2pnode.protocol.tensors import decode_tensors

CHUNK_CALLS: Final = 256
CHUNK_BYTES: Final = 16 << 20
"""Most that is asked of the node in one request; one input may be larger."""

LAST: Final = "last"
"""Stands for the session that was opened last."""

Session = Mapping[str, Any]
"""A session as `p2pnode.session_handlers` tells of it."""


@click.group()
def command() -> None:
    """Make many small calls to one worker, each paid by a signature, all settled in one transaction.

    Answers of a session are signed and not proved: `submit` proves. SESSION is the beginning of the hash
    that `open` prints, or `last`. Needs `p2pnode run` in another terminal.
    """


@command.command("open")
@click.argument("model")
@click.option("--price", type=JoyAmount(), required=True, help="What the worker gets for a call, in JOY.")
@click.option(
    "--calls",
    type=click.IntRange(1, 1_000_000),
    required=True,
    help="Most calls; the escrow must cover them, and what is not called is not paid.",
)
@click.option(
    "--opening-fee-max",
    type=JoyAmount(),
    default="0.05",
    show_default=True,
    help="Most to pay once for the worker's settlement, in JOY.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 72_000),
    default=3600,
    show_default=True,
    help="How long calls can be made.",
)
@config_option
@json_option
def open_session(
    model: str,
    price: int,
    calls: int,
    opening_fee_max: int,
    seconds: int,
    config: Config,
    printer: Printer,
) -> None:
    """Open a session for MODEL (CID, digest in hex, or ONNX file) with the first worker that takes it."""
    order = OpenSession(model_digest(model), price, calls, opening_fee_max, seconds)
    client = ControlClient(config.control_socket)

    async def ask() -> Session:
        with printer.progress("Asking workers"):
            return await client.open_session(order)

    found = trio.run(ask)
    each = int(found["price"]) + int(found["model_fee"])
    opening = int(found["opening_fee"])
    lines = [
        f"session  {found['session']}",
        f"worker   {found['worker']}",
        f"a call   {priced(each, config)}, of it {joy(int(found['model_fee']))} to the model's owner",
        f"at most  {priced(opening + calls * each, config)}, of it {joy(opening)} once with the first call",
        f"calls    p2pnode session call {found['session'][:10]} INPUT..., at least one in four minutes",
    ]
    printer.result(found, lines)


@command.command()
@click.argument("session")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--close", "and_close", is_flag=True, help="Close the session after the last answer.")
@config_option
@json_option
def call(session: str, inputs: tuple[Path, ...], and_close: bool, config: Config, printer: Printer) -> None:
    """Call SESSION's model on INPUTS, one after the other, and print each answer as it comes.

    An input is a .npy array, a .json file or, for a model that takes images, an image; a folder stands for
    all inputs in it.
    """
    client = ControlClient(config.control_socket)

    async def run() -> None:
        found = await _find(client, session)
        with printer.progress("Fetching the model"):
            path = await client.model(from_cid(found["model"]))
        files, tensors = await trio.to_thread.run_sync(read_files, path, inputs)
        started = time.monotonic()
        with _counting(len(files)) as bar:
            answered = _Answers([file.name for file in files], printer, bar)
            for chunk in _chunks(tensors):
                found = await client.call_session(Calls(_hash(found), tuple(chunk)), answered)
                answered.offset += len(chunk)
        if and_close:
            with printer.progress("Closing the session"):
                found = await client.close_session(_hash(found))
        seconds = time.monotonic() - started
        rate = f"{len(files)} calls in {seconds:.1f} s"
        printer.result(
            found, [f"{rate}; {found['calls']} of {found['most_calls']} calls made, {_owed(found)}"]
        )

    trio.run(run)


@command.command()
@click.argument("session")
@config_option
@json_option
def close(session: str, config: Config, printer: Printer) -> None:
    """Acknowledge SESSION's last answer and end it; its worker then settles it. No gas is needed here."""
    client = ControlClient(config.control_socket)

    async def ask() -> Session:
        found = await _find(client, session)
        with printer.progress("Closing the session"):
            return await client.close_session(_hash(found))

    found = trio.run(ask)
    printer.result(found, [f"{found['state']}, {found['calls']} calls made, {_owed(found)}"])


@command.command()
@click.argument("session")
@config_option
@json_option
def settle(session: str, config: Config, printer: Printer) -> None:
    """Pay for ended SESSION now at this node's own gas, where its worker does not settle it."""
    client = ControlClient(config.control_socket)

    async def ask() -> Session:
        found = await _find(client, session)
        with printer.progress("Waiting for the chain"):
            return await client.settle_session(_hash(found))

    found = trio.run(ask)
    printer.result(found, [f"{found['state']}, {found['paid_calls']} of {found['calls']} calls are paid"])


@command.command("list")
@config_option
@json_option
def list_sessions(config: Config, printer: Printer) -> None:
    """List the node's sessions, those that it opened and those that it serves, oldest first."""
    found = trio.run(ControlClient(config.control_socket).sessions)
    printer.result({"sessions": found}, [_line(one) for one in found] or ["no sessions yet"])


class _Answers:
    """Prints each answer; with --json one object a line."""

    def __init__(self, labels: Sequence[str], printer: Printer, bar: Progress) -> None:
        self.offset = 0
        self._labels = labels
        self._printer = printer
        self._bar = bar

    def __call__(self, answered: AnsweredCall) -> None:
        label = printable(self._labels[self.offset + answered.index])
        if self._printer.as_json:
            outputs = {name: array.tolist() for name, array in decode_tensors(answered.output).items()}
            click.echo(json.dumps({"call": answered.call, "label": label, "outputs": outputs}))
        else:
            click.echo(f"{answered.call:6}  {label}: {shown(answered.output)}")
        self._bar.advance(self._bar.task_ids[0])


def _counting(calls: int) -> Progress:
    """A bar on stderr, unless the answers run over the same terminal and show it themselves."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("calls"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # The answers go where the user sends them, not through the bar's console.
        redirect_stdout=False,
        redirect_stderr=False,
        disable=sys.stdout.isatty() or not console.is_terminal,
    )
    bar.add_task("calls", total=calls)
    return bar


def _chunks(tensors: Sequence[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for data in tensors:
        if chunk and (len(chunk) == CHUNK_CALLS or size + len(data) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(data)
        size += len(data)
    yield chunk


async def _find(client: ControlClient, beginning: str) -> Session:
    """The one session that this node opened whose hash begins so, or the last one."""
    own = [one for one in await client.sessions() if one["role"] == "requester"]
    if beginning == LAST:
        if not own:
            raise MarketError("this node has opened no session yet; open one with `p2pnode session open`")
        return own[-1]
    wanted = beginning.lower().removeprefix("0x")
    found = [one for one in own if str(one["session"]).removeprefix("0x").startswith(wanted)]
    if len(found) != 1:
        raise MarketError(
            f"session {beginning!r:.80}: {len(found)} sessions of this requester begin so; give "
            "what `p2pnode session list` shows"
        )
    return found[0]


def _hash(found: Session) -> bytes:
    return bytes.fromhex(found["session"].removeprefix("0x"))


def _owed(found: Session) -> str:
    return f"up to {joy(int(found['owed']))} owed" if int(found["owed"]) else "nothing owed"


def _line(found: Session) -> str:
    other = found["worker"] if found["role"] == "requester" else found["requester"]
    whom = "with" if found["role"] == "requester" else "for"
    why = f": {printable(found['reason'])}" if found["reason"] else ""
    return (
        f"{found['session'][:14]}  {found['state']:8}  {found['calls']:>7} of {found['most_calls']} calls, "
        f"{found['paid_calls']} paid, {_owed(found)}  {whom} {other[:10]}{why}"
    )
