"""The commands of `p2pnode jsc` that show what is hidden to whom one likes: view keys and proofs."""

from pathlib import Path

import click
import trio

from p2pnode.cli.jsc_session import UnitAmount, open_wallet, shown
from p2pnode.cli.output import Printer, config_option, json_option
from p2pnode.config import Config
from p2pnode.errors import ConfigError
from p2pnode.jsc import codec
from p2pnode.jsc.account import view_only
from p2pnode.jsc.proofs import check_payment, check_reserve, payment_proof, reserve_proof


@click.command()
@click.option("--incoming", is_flag=True, help="Without the key that shows outgoing payments.")
@config_option
@json_option
def viewkey(incoming: bool, config: Config, printer: Printer) -> None:
    """Show the view key: whoever has it sees this wallet's whole history, and can spend nothing."""

    async def read() -> str:
        async with open_wallet(config, scans=False) as (_, account):
            return view_only(account.wallet.views, outgoing=not incoming).encode()

    found = trio.run(read)
    printer.result({"view_key": found}, [found])


@click.command("prove-payment")
@click.argument("to")
@config_option
@json_option
def prove_payment(to: str, config: Config, printer: Printer) -> None:
    """Show that this wallet paid the JSC address TO; one line for each payment."""

    async def read() -> list[str]:
        async with open_wallet(config) as (_, account):
            wallet = account.wallet
            payments = [sent for sent in wallet.book.sent if sent.address.encode() == to]
            return [payment_proof(wallet.pool, sent) for sent in payments]

    found = trio.run(read)
    if not found:
        raise ConfigError(f"this wallet remembers no payment to {to:.24}")
    printer.result(found, found)


@click.command("prove-reserve")
@click.argument("amount", type=UnitAmount())
@click.argument("text")
@config_option
@json_option
def prove_reserve(amount: int, text: str, config: Config, printer: Printer) -> None:
    """Show at least AMOUNT JOY to whoever asked with TEXT. Tells them which notes are this wallet's."""

    async def read() -> str:
        async with open_wallet(config) as (_, account):
            return reserve_proof(account.wallet, amount, text)

    found = trio.run(read)
    printer.result({"proof": found}, [found])


@click.command("check")
@click.argument("proof")
@click.argument("text", required=False)
@config_option
@json_option
def check_proof(proof: str, text: str | None, config: Config, printer: Printer) -> None:
    """Check a payment proof, or a reserve proof that was made for TEXT."""

    async def read() -> tuple[dict[str, str], list[str]]:
        async with open_wallet(config) as (_, account):
            pool = account.wallet.pool
            if proof.startswith("jscreserve"):
                reserve = check_reserve(pool, proof, text or "")
                found = {"unspent": str(reserve.unspent), "spent": str(reserve.spent)}
                return found, [f"holds {shown(reserve.unspent)}; {shown(reserve.spent)} more is spent"]
            address, units = check_payment(pool, proof)
            return {"address": address.encode(), "units": str(units)}, [
                f"paid {shown(units)} to {address.encode()}"
            ]

    found, lines = trio.run(read)
    printer.result(found, lines)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--take", is_flag=True, help="Read FILE into this view-only wallet.")
@config_option
@json_option
def images(file: Path, take: bool, config: Config, printer: Printer) -> None:
    """Write the key images of this wallet's notes to FILE, so that its view-only twin sees what is spent."""
    taken = codec.load_images(file.read_bytes()) if take else None

    async def run() -> bytes:
        async with open_wallet(config) as (_, account):
            if taken is not None:
                account.wallet.import_key_images(taken)
                account.save()
            return codec.dump_images(account.wallet.key_images())

    found = trio.run(run)
    if not take:
        file.write_bytes(found)
    printer.result({"file": file}, [f"{'read' if take else 'wrote'} {file}"])
