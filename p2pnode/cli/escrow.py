"""`p2pnode escrow`: the JOY that awards are paid from."""

import click
import trio

from p2pnode.chain import TxReceipt
from p2pnode.cli.node import moment
from p2pnode.cli.operator import new_key, open_onlooker, open_operator, sent, sent_line
from p2pnode.cli.output import JoyAmount, Printer, config_option, joy, json_option
from p2pnode.config import Config


@click.group()
def command() -> None:
    """Move JOY in and out of the escrow that pays."""


@command.command()
@click.argument("amount", type=JoyAmount())
@config_option
@json_option
def deposit(amount: int, config: Config, printer: Printer) -> None:
    """Move AMOUNT JOY into the escrow."""

    async def send() -> TxReceipt:
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                return await chain.escrow.deposit(amount, new_key("deposit"))

    receipt = trio.run(send)
    found = {**sent(receipt), "deposited": str(amount)}
    printer.result(found, [f"deposited {joy(amount)}", sent_line(receipt)])


@command.command()
@click.argument("amount", type=JoyAmount(), required=False)
@config_option
@json_option
def withdraw(amount: int | None, config: Config, printer: Printer) -> None:
    """Ask for AMOUNT JOY back; without AMOUNT, take out what was asked for and is due."""

    async def send() -> tuple[TxReceipt, int]:
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                if amount is None:
                    return await chain.escrow.withdraw(new_key("withdraw")), 0
                receipt = await chain.escrow.request_withdrawal(amount, new_key("request"))
            return receipt, (await chain.escrow.withdrawal(chain.account))[1]

    receipt, due = trio.run(send)
    line = "withdrawn"
    if amount is not None:
        line = f"asked for {joy(amount)}; `p2pnode escrow withdraw` pays it out from {moment(due)} on"
    printer.result({**sent(receipt), "due": due}, [line, sent_line(receipt)])


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
    lines = [f"escrow     {joy(balance)}", f"free       {joy(free)}"]
    if requested:
        lines.append(f"requested  {joy(requested)}, due {moment(due)}")
    found = {"balance": str(balance), "free": str(free), "requested": str(requested), "due": due}
    printer.result(found, lines)
