"""`p2pnode receipts`: what was settled, from the running node or its ledger."""

from collections.abc import Sequence
from pathlib import Path

import click
import trio

from p2pnode.cli.output import Printer, config_option, hexed, joy, json_option
from p2pnode.config import Config
from p2pnode.control import ControlClient
from p2pnode.errors import StoreError
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.receipt import Receipt, parse_receipt
from p2pnode.store import open_store


@click.group()
def command() -> None:
    """List and show the receipts of settled tasks."""


@command.command("list")
@config_option
@json_option
def list_receipts(config: Config, printer: Printer) -> None:
    """List the receipts, newest first."""

    async def read() -> list[Receipt]:
        texts = [await _text(config, task_id) for task_id in await _task_ids(config)]
        return [parse_receipt(text) for text in texts if text is not None]

    receipts = trio.run(read)
    lines = [
        f"{hexed(receipt.task_id)}  {to_cid(receipt.award.message.model_digest)}  "
        f"{joy(receipt.award.message.price):>12}  transaction {hexed(receipt.transaction)}"
        for receipt in receipts
    ]
    printer.result([_summary(receipt) for receipt in receipts], lines or ["no receipt yet"])


@command.command()
@click.argument("task_id")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@config_option
def show(task_id: str, output: Path | None, config: Config) -> None:
    """Print or write the receipt file of TASK_ID, or of the one task whose ID starts so."""

    async def read() -> str | None:
        return await _text(config, _matching(task_id, await _task_ids(config)))

    text = trio.run(read)
    if text is None:
        raise StoreError(f"task {task_id}: its receipt is gone; `p2pnode receipts list` shows the others")
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
        click.echo(f"wrote {output}")


async def _task_ids(config: Config) -> Sequence[bytes]:
    client = ControlClient(config.control_socket)
    if await client.is_running():
        return await client.receipts()
    if not await trio.Path(config.ledger).exists():
        return []
    with open_store(config.ledger) as store:
        return store.receipts()


async def _text(config: Config, task_id: bytes) -> str | None:
    client = ControlClient(config.control_socket)
    if await client.is_running():
        return await client.receipt(task_id)
    with open_store(config.ledger) as store:
        return store.receipt(task_id)


def _matching(prefix: str, task_ids: Sequence[bytes]) -> bytes:
    found = [task_id for task_id in task_ids if task_id.hex().startswith(prefix.lower().removeprefix("0x"))]
    if len(found) != 1:
        raise StoreError(
            f"task {prefix!r:.80}: {len(found)} receipts match; give a task ID of `p2pnode receipts list`"
        )
    return found[0]


def _summary(receipt: Receipt) -> dict[str, object]:
    award = receipt.award.message
    return {
        "task_id": hexed(receipt.task_id),
        "model": to_cid(award.model_digest),
        "requester": hexed(award.requester),
        "worker": hexed(award.worker),
        "price": str(award.price),
        "model_fee": str(award.model_fee),
        "output_digest": hexed(receipt.output_digest),
        "answer_is_proved": receipt.answer_is_proved,
        "transaction": hexed(receipt.transaction),
    }
