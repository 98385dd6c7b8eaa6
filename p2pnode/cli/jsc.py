"""`p2pnode jsc`: a private balance, and paying with it."""

import click
import trio

from p2pnode.cli.jsc_proofs import check_proof, images, prove_payment, prove_reserve, viewkey
from p2pnode.cli.jsc_send import deposit, payout, send, sign, submit_signed, sweep, withdraw
from p2pnode.cli.jsc_session import offline_pool, open_wallet, scan, shown, wallet_folder
from p2pnode.cli.operator import ask_password, open_onlooker
from p2pnode.cli.output import Printer, config_option, hexed, json_option, printable
from p2pnode.config import Config
from p2pnode.jsc.account import create_account
from p2pnode.jsc.keys import Address, SpendKeys, ViewKeys, new_phrase
from p2pnode.jsc.wallet import Balance, Book, Wallet
from p2pnode.jsc.wallet_file import WalletFile


@click.group()
def command() -> None:
    """Hold and spend JOY in private."""


for other in (
    deposit,
    payout,
    send,
    withdraw,
    sweep,
    sign,
    submit_signed,
    viewkey,
    prove_payment,
    prove_reserve,
    check_proof,
    images,
):
    command.add_command(other)


@command.command()
@click.option("--restore", is_flag=True, help="Ask for the words of an existing wallet.")
@click.option("--view-key", help="Make a view-only wallet from an exported view key.")
@click.option("--from-block", type=click.IntRange(0), help="Look for notes from this block on.")
@click.option("--offline", is_flag=True, help="Ask no chain; for a machine that only signs.")
@config_option
@json_option
def create(
    restore: bool,
    view_key: str | None,
    from_block: int | None,
    offline: bool,
    config: Config,
    printer: Printer,
) -> None:
    """Make a wallet; a new one shows its 24 words once."""
    phrase = ""
    keys: tuple[ViewKeys, int | None]
    if view_key:
        keys = (ViewKeys.parse(view_key), None)
    else:
        phrase = click.prompt("Words", hide_input=True, err=True) if restore else new_phrase()
        spend = SpendKeys.from_phrase(phrase)
        keys = (spend.views, spend.spend)
    password = ask_password(config)
    # A new wallet has no notes before its first day.
    fresh = not (restore or view_key)
    first = 0 if from_block is None else from_block
    if offline:
        views, spend_key = keys
        wallet = Wallet(views, spend_key, offline_pool(config), Book(first))
        WalletFile.create(wallet_folder(config), password, wallet)
    else:
        trio.run(_create, config, password, keys, None if fresh and from_block is None else first)
    address = keys[0].address().encode()
    lines = [f"address  {address}"]
    if fresh:
        lines += ["", "Write these words down; they are shown this once and restore everything:", phrase]
    printer.result({"address": address, **({"phrase": phrase} if fresh else {})}, lines)


async def _create(
    config: Config, password: str, keys: tuple[ViewKeys, int | None], first: int | None
) -> None:
    async with open_onlooker(config) as chain:
        block = await chain.block_number() if first is None else first
        await create_account(chain.jsc, wallet_folder(config), password, keys, restore_block=block)


@command.command()
@click.option("--new", "label", help="Make an address that was never used, under this label.")
@config_option
@json_option
def address(label: str | None, config: Config, printer: Printer) -> None:
    """Show the main address, or make a subaddress. No one can tell that two are one wallet's."""

    async def find() -> str:
        async with open_wallet(config, scans=False) as (_, account):
            if label is None:
                return account.wallet.views.address().encode()
            _, made = account.wallet.new_subaddress(label)
            account.save()
            return made.encode()

    found = trio.run(find)
    printer.result({"address": found}, [found])


@command.command()
@config_option
@json_option
def balance(config: Config, printer: Printer) -> None:
    """Show what is held, and what of it can be spent now."""

    async def read() -> tuple[Balance, bool]:
        async with open_wallet(config) as (_, account):
            return await account.balance(), account.wallet.spend is None

    found, view_only = trio.run(read)
    lines = [
        f"total      {shown(found.total)}",
        f"spendable  {shown(found.spendable)}",
        f"locked     {shown(found.locked)}  (waits for other notes to hide among)",
        f"pending    {shown(found.pending)}",
        f"frozen     {shown(found.frozen)}",
    ]
    if view_only:
        lines.append("view-only: spent notes count until their key images are imported")
    kinds = ("total", "spendable", "locked", "pending", "frozen")
    printer.result({kind: str(getattr(found, kind)) for kind in kinds}, lines)


@command.command()
@config_option
@json_option
def notes(config: Config, printer: Printer) -> None:
    """List the notes, unspent first."""

    async def read() -> Wallet:
        async with open_wallet(config) as (_, account):
            return account.wallet

    wallet = trio.run(read)
    unspent = {note.index for note in wallet.unspent()}
    rows = []
    for note in sorted(wallet.notes, key=lambda note: (note.index not in unspent, note.index)):
        state = "frozen" if note.frozen else "unspent" if note.index in unspent else "spent"
        rows.append(
            {
                "note": note.index,
                "state": state,
                "units": str(note.received.amount),
                "block": note.block,
                "transaction": hexed(note.tx_hash),
                "label": wallet.book.labels.get(note.received.subaddress, ""),
                "text": printable(note.received.text.decode(errors="replace")),
            }
        )
    lines = [
        f"{row['note']:>6}  {row['state']:8} {shown(int(str(row['units']))):>24}  block {row['block']}  "
        f"{row['label']} {row['text']}".rstrip()
        for row in rows
    ]
    printer.result(rows, lines or ["no notes"])


@command.command()
@click.argument("note", type=click.IntRange(0))
@click.option("--thaw", is_flag=True, help="Let it be spent again.")
@config_option
@json_option
def freeze(note: int, thaw: bool, config: Config, printer: Printer) -> None:
    """Keep NOTE out of payments, for example one that a stranger may have sent to follow it."""

    async def change() -> None:
        async with open_wallet(config) as (_, account):
            account.wallet.freeze(note, not thaw)
            account.save()

    trio.run(change)
    printer.result({"note": note, "frozen": not thaw}, [f"note {note} is {'thawed' if thaw else 'frozen'}"])


@command.command()
@click.option("--from-block", type=click.IntRange(0), help="Set the restore height first.")
@config_option
@json_option
def rescan(from_block: int | None, config: Config, printer: Printer) -> None:
    """Look for notes again, in everything from the restore height on."""

    async def again() -> int:
        async with open_wallet(config, scans=False) as (_, account):
            await scan(account)
            if from_block is None:
                account.wallet.rescan()
            else:
                account.wallet.set_restore_block(from_block)
            account.save()
            return len(account.wallet.notes)

    count = trio.run(again)
    printer.result({"notes": count}, [f"found {count} notes"])


@command.command()
@click.argument("name", required=False)
@click.argument("address", required=False)
@config_option
@json_option
def contacts(name: str | None, address: str | None, config: Config, printer: Printer) -> None:
    """List the address book; with NAME and ADDRESS, add to it. Payments take @NAME."""

    async def change() -> dict[str, str]:
        async with open_wallet(config, scans=False) as (_, account):
            if name and address:
                account.wallet.book.contacts[name] = Address.parse(address).encode()
                account.save()
            return dict(account.wallet.book.contacts)

    found = trio.run(change)
    printer.result(found, [f"@{key}  {value}" for key, value in found.items()] or ["no contacts"])
