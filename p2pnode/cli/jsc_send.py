"""`p2pnode jsc deposit | send | withdraw | sweep | sign | submit`: JOY in, through and out of the pool."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
import trio

from p2pnode.amounts import JSC_UNIT
from p2pnode.cli.jsc_session import (
    JoyAddress,
    JscAddress,
    UnitAmount,
    agree,
    open_offline,
    open_wallet,
    resolve,
    routes,
    shown,
    warn,
)
from p2pnode.cli.operator import new_key, sent, sent_line
from p2pnode.cli.output import Printer, config_option, json_option
from p2pnode.config import Config
from p2pnode.errors import ChainError, ConfigError, NetworkError, ProtocolError
from p2pnode.jsc import codec
from p2pnode.jsc.account import JscAccount
from p2pnode.jsc.keys import Address
from p2pnode.jsc.notes import Payee
from p2pnode.jsc.routes import Route
from p2pnode.jsc.routes import send as dispatch
from p2pnode.jsc.sending import Planned, denominations
from p2pnode.jsc.transaction import Payment


@dataclass(frozen=True, slots=True)
class Sending:
    """What `send`, `withdraw` and `sweep` are told alike."""

    yes: bool
    own_gas: bool
    unsigned: Path | None
    config: Config
    printer: Printer


def sending_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of whatever spends notes; `command` gets them as one `Sending`."""

    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--own-gas", is_flag=True, help="Ask no relayer: this account pays for gas.")
    @click.option(
        "--unsigned",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the transaction here for a wallet that is offline, instead of sending it.",
    )
    @config_option
    @json_option
    @wraps(command)
    def with_sending(
        *arguments: Any,
        yes: bool,
        own_gas: bool,
        unsigned: Path | None,
        config: Config,
        printer: Printer,
        **options: Any,
    ) -> None:
        command(*arguments, sending=Sending(yes, own_gas, unsigned, config, printer), **options)

    return with_sending


@click.command()
@click.argument("amount", type=UnitAmount())
@click.option("--to", type=JscAddress(), help="Receiver; this wallet unless given.")
@click.option("--split/--whole", default=True, help="Standard amounts, which others have as well.")
@config_option
@json_option
def deposit(amount: int, to: Address | str | None, split: bool, config: Config, printer: Printer) -> None:
    """Turn AMOUNT JOY of the account into private notes. The amount and the account are public."""

    async def run() -> None:
        async with open_wallet(config, sends=True, scans=False) as (chain, account):
            receiver = account.wallet.views.address() if to is None else resolve(account, to)
            amounts = denominations(amount) if split else [amount]
            notes = account.deposit_notes(receiver, amounts)
            with printer.progress("Waiting for the chain"):
                receipt = await chain.jsc.deposit(notes, amounts, new_key("jsc-deposit"))
            lines = [f"deposited {shown(amount)} as {len(amounts)} notes", sent_line(receipt)]
            printer.result({**sent(receipt), "units": [str(part) for part in amounts]}, lines)

    trio.run(run)


@click.command()
@config_option
@json_option
def payout(config: Config, printer: Printer) -> None:
    """Take the account's credit for settled work as a private note. The account and the amount are public."""
    from p2pnode.payout import pay_credit

    async def run() -> None:
        async with open_wallet(config, sends=True, scans=False) as (chain, account):
            units = await chain.settlement.credit(chain.account) // JSC_UNIT
            if not units:
                raise ConfigError("the account has no credit; set worker.payout to credit")
            (note,) = account.deposit_notes(account.wallet.new_subaddress()[1], [units])
            with printer.progress("Waiting for the chain"):
                receipt = await pay_credit(chain, note, units, new_key("jsc-payout"))
            printer.result(
                {**sent(receipt), "units": str(units)},
                [f"paid {shown(units)} into the wallet", sent_line(receipt)],
            )

    trio.run(run)


@click.command()
@click.argument("to", type=JscAddress())
@click.argument("amount", type=UnitAmount())
@click.option("--text", default="", help="Up to 32 bytes that the receiver alone reads.")
@sending_options
def send(
    to: Address | str,
    amount: int,
    text: str,
    sending: Sending,
) -> None:
    """Pay AMOUNT JOY to a JSC address: who, whom and how much stay hidden."""

    async def run() -> None:
        async with _open_sender(sending) as (account, ways):
            payee = Payee(resolve(account, to), amount, text.encode())
            planned = await account.plan([payee], await _payment(account, ways))
            await _finish(account, planned, ways, sending, f"paid {shown(amount)}")

    trio.run(run)


@click.command()
@click.argument("amount", type=UnitAmount())
@click.argument("to", type=JoyAddress())
@click.option("--escrow", is_flag=True, help="Into the escrow that pays for inference, for the account TO.")
@sending_options
def withdraw(
    amount: int,
    to: bytes,
    escrow: bool,
    sending: Sending,
) -> None:
    """Turn private AMOUNT into JOY of the public account TO. The amount and TO are public."""

    async def run() -> None:
        async with _open_sender(sending) as (account, ways):
            payment = await _payment(account, ways, amount=amount, recipient=to, to_escrow=escrow)
            planned = await account.plan([], payment)
            await _finish(account, planned, ways, sending, f"withdrew {shown(amount)}")

    trio.run(run)


@click.command()
@click.option("--to", type=JscAddress(), help="Receiver; a new address of this wallet unless given.")
@sending_options
def sweep(to: Address | str | None, sending: Sending) -> None:
    """Gather the four largest notes in one. Shows that one owner has them; nothing else."""

    async def run() -> None:
        async with _open_sender(sending) as (account, ways):
            receiver = account.wallet.new_subaddress()[1] if to is None else resolve(account, to)
            planned = await account.plan_sweep(Payee(receiver, 0), await _payment(account, ways))
            # The gathered note is the largest and comes first; the fee may only come out of the change.
            await _finish(account, planned, ways[:1], sending, "swept")

    trio.run(run)


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@json_option
def sign(source: Path, target: Path, config: Config, printer: Printer) -> None:
    """Sign what a view-only wallet wrote to SOURCE; write it to TARGET. Needs no chain."""

    account, made = open_offline(config), codec.load_plan(source.read_bytes())
    for payee in made.payees:
        click.echo(f"pays {shown(payee.amount)} to {payee.address.encode()}", err=True)
    if made.payment.amount:
        to = made.payment.recipient.hex()
        click.echo(f"pays {shown(made.payment.amount)} in public to 0x{to}", err=True)
    agree(printer.as_json)
    target.write_bytes(codec.dump_built(account.sign(made)))
    printer.result({"signed": target}, [f"wrote {target}; send it with `p2pnode jsc submit`"])


@click.command("submit")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
@json_option
def submit_signed(source: Path, config: Config, printer: Printer) -> None:
    """Send the signed transaction in SOURCE."""
    built = codec.load_built(source.read_bytes())

    async def run() -> None:
        async with open_wallet(config, sends=True) as (chain, account):
            account.remember(built)
            with printer.progress("Waiting for the chain"):
                (own,) = await routes(config, chain, True)
                found = await own.submit(built.transaction)
            printer.result({"transaction": found}, [f"sent: transaction 0x{found.hex()}"])

    trio.run(run)


@asynccontextmanager
async def _open_sender(sending: Sending) -> AsyncIterator[tuple[JscAccount, list[Route]]]:
    """The wallet and the ways to send."""
    offline = sending.unsigned is not None
    async with open_wallet(sending.config, sends=not offline) as (chain, account):
        yield account, await routes(sending.config, chain, sending.own_gas or offline)


async def _payment(account: JscAccount, ways: Sequence[Route], **public: Any) -> Payment:
    """The public part for the first of `ways`; the others are tried only when it fails."""
    return await account.payment(fee=ways[0].fee, relayer=ways[0].relayer, **public)


async def _finish(
    account: JscAccount,
    planned: Planned,
    ways: Sequence[Route],
    sending: Sending,
    done: str,
) -> None:
    """Warn, ask, and sign and send, or write what is to be signed elsewhere."""
    unsigned, printer, yes = sending.unsigned, sending.printer, sending.yes or sending.printer.as_json
    warn(planned.warnings)
    if unsigned is not None:
        await trio.Path(unsigned).write_bytes(codec.dump_plan(planned.plan))
        printer.result({"unsigned": unsigned}, [f"wrote {unsigned}; sign it where the seed is"])
        return
    if ways[0].fee:
        click.echo(f"{ways[0].name} takes {shown(ways[0].fee)}", err=True)
    agree(yes)
    by_relayer = [way for way in ways if any(way.relayer)]
    with printer.progress("Signing and sending"):
        try:
            went = await dispatch(account, planned.plan, by_relayer or ways)
        except (NetworkError, ChainError, ProtocolError) as error:
            if not by_relayer or by_relayer == ways:
                raise
            warn([f"{error}; without a relayer this account is seen beside the payment"])
            went = None
    if went is None:
        agree(yes)
        with printer.progress("Signing and sending"):
            went = await dispatch(account, planned.plan, ways[len(by_relayer) :])
    warn(went.failures)
    found = {"transaction": went.tx_hash, "route": went.route.name, "fee": str(went.route.fee)}
    lines = [done, f"transaction 0x{went.tx_hash.hex()} by {went.route.name}"]
    printer.result({**found, "warnings": planned.warnings}, lines)
