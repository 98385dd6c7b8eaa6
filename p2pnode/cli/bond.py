"""`p2pnode bond`: what a requester stands to lose when it signs more awards than its escrow covers."""

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
    """Put up a bond, which workers may ask for, and take it back."""


@command.command()
@click.argument("amount", type=JoyAmount())
@config_option
@json_option
def add(amount: int, config: Config, printer: Printer) -> None:
    """Add AMOUNT JOY to the bond."""

    async def send(chain: "ChainClient") -> Sent:
        receipt = await chain.bonds.add(amount, new_key("bond"))
        return receipt, {"added": str(amount)}, f"bonded {joy(amount)}"

    send_and_print(config, printer, send)


@command.command()
@click.option("--keep", is_flag=True, help="Keep a bond that is on its way out.")
@config_option
@json_option
def release(keep: bool, config: Config, printer: Printer) -> None:
    """Start the bond's way out, which takes the unbonding delay; once it is over, pay it out."""

    async def send(chain: "ChainClient") -> Sent:
        bonds = chain.bonds
        if keep:
            return await bonds.rebond(new_key("rebond")), {"due": 0}, "the bond stays"
        if (await bonds.of(chain.account))[1]:
            return await bonds.withdraw(new_key("withdraw-bond")), {"due": 0}, "the bond is paid out"
        receipt = await bonds.unbond(new_key("unbond"))
        due = (await bonds.of(chain.account))[1]
        line = f"the bond is free from {moment(due)} on; `p2pnode bond release` then pays it out"
        return receipt, {"due": due}, line

    send_and_print(config, printer, send)


@command.command()
@config_option
@json_option
def status(config: Config, printer: Printer) -> None:
    """Show the bond."""

    async def read() -> tuple[int, int]:
        async with open_onlooker(config) as chain:
            return await chain.bonds.of(chain.account)

    amount, due = trio.run(read)
    lines = [f"bond  {priced(amount, config)}"]
    if due:
        lines.append(f"free  from {moment(due)} on")
    printer.result({"bond": str(amount), "due": due}, lines)
