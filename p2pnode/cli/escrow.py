"""`p2pnode escrow`: the JOY that awards are paid from."""

from typing import TYPE_CHECKING

import click
import trio

from p2pnode.cli.node import moment
from p2pnode.cli.operator import Sent, new_key, open_onlooker, send_and_print
from p2pnode.cli.output import JoyAmount, Printer, config_option, joy, json_option, priced
from p2pnode.config import Config

if TYPE_CHECKING:
    from p2pnode.chain import ChainClient


@click.group()
def command() -> None:
    """Move JOY in and out of the escrow that pays."""


@command.command()
@click.argument("amount", type=JoyAmount())
@config_option
@json_option
def deposit(amount: int, config: Config, printer: Printer) -> None:
    """Move AMOUNT JOY into the escrow."""

    async def send(chain: "ChainClient") -> Sent:
        receipt = await chain.escrow.deposit(amount, new_key("deposit"))
        return receipt, {"deposited": str(amount)}, f"deposited {joy(amount)}"

    send_and_print(config, printer, send)


@command.command()
@click.argument("amount", type=JoyAmount(), required=False)
@config_option
@json_option
def withdraw(amount: int | None, config: Config, printer: Printer) -> None:
    """Ask for AMOUNT JOY back; without AMOUNT, take out what was asked for and is due."""

    async def send(chain: "ChainClient") -> Sent:
        if amount is None:
            return await chain.escrow.withdraw(new_key("withdraw")), {"due": 0}, "withdrawn"
        receipt = await chain.escrow.request_withdrawal(amount, new_key("request"))
        due = (await chain.escrow.withdrawal(chain.account))[1]
        line = f"asked for {joy(amount)}; `p2pnode escrow withdraw` pays it out from {moment(due)} on"
        return receipt, {"due": due}, line

    send_and_print(config, printer, send)


@command.command()
@config_option
@json_option
def status(config: Config, printer: Printer) -> None:
    """Show the escrow and the requested withdrawal."""

    async def read() -> tuple[int, int, int, int]:
        async with open_onlooker(config) as chain:
            requested, due = await chain.escrow.withdrawal(chain.account)
            escrow, account = chain.escrow, chain.account
            return await escrow.balance(account), await escrow.free(account), requested, due

    balance, free, requested, due = trio.run(read)
    lines = [f"escrow     {priced(balance, config)}", f"free       {priced(free, config)}"]
    if requested:
        lines.append(f"requested  {priced(requested, config)}, due {moment(due)}")
    found = {"balance": str(balance), "free": str(free), "requested": str(requested), "due": due}
    printer.result(found, lines)
