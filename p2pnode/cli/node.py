"""`p2pnode node`: this node in the register of workers."""

from typing import TYPE_CHECKING, Any

import click
import trio

from p2pnode.cli.operator import new_key, open_onlooker, open_operator, sent, sent_line
from p2pnode.cli.output import JoyAmount, Printer, config_option, hexed, joy, json_option, priced, printable
from p2pnode.config import Config
from p2pnode.control import ControlClient

if TYPE_CHECKING:
    from p2pnode.chain import ChainClient, TxReceipt


@click.group()
def command() -> None:
    """Register and stake this node as a worker."""


@command.command()
@click.option("--stake", type=JoyAmount(), required=True, help="JOY to stake.")
@click.option("--capacity", type=click.IntRange(1, 1024), help="Tasks at a time; worker.capacity by default.")
@config_option
@json_option
def register(stake: int, capacity: int | None, config: Config, printer: Printer) -> None:
    """Register this node's PeerId and account, with a stake."""
    from p2pnode.network.key import peer_id_of

    peer_id = peer_id_of(config.node_key)

    async def send() -> "TxReceipt":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                return await chain.nodes.register(
                    peer_id, capacity or config.worker.capacity, stake, new_key("register")
                )

    receipt = trio.run(send)
    found = {**sent(receipt), "peer_id": peer_id, "stake": str(stake)}
    printer.result(found, [f"registered {peer_id} with {joy(stake)}", sent_line(receipt)])


@command.command()
@click.argument("amount", type=JoyAmount())
@config_option
@json_option
def stake(amount: int, config: Config, printer: Printer) -> None:
    """Add AMOUNT JOY to the stake."""

    async def send() -> "TxReceipt":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                return await chain.nodes.add_stake(amount, new_key("stake"))

    receipt = trio.run(send)
    printer.result({**sent(receipt), "added": str(amount)}, [f"added {joy(amount)}", sent_line(receipt)])


@command.command()
@config_option
@json_option
def leave(config: Config, printer: Printer) -> None:
    """Take no new work; the stake is free after the unbonding delay."""

    async def send() -> "tuple[TxReceipt, int]":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                receipt = await chain.nodes.deactivate(new_key("leave"))
            return receipt, await chain.nodes.withdrawable_at(chain.account)

    receipt, due = trio.run(send)
    line = f"left; `p2pnode node withdraw` returns the stake from {moment(due)} on"
    printer.result({**sent(receipt), "withdrawable_at": due}, [line, sent_line(receipt)])


@command.command()
@config_option
@json_option
def withdraw(config: Config, printer: Printer) -> None:
    """Take the stake back, after `leave` and the unbonding delay."""

    async def send() -> "TxReceipt":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                return await chain.nodes.withdraw(new_key("withdraw"))

    receipt = trio.run(send)
    printer.result(sent(receipt), ["stake returned", sent_line(receipt)])


@command.command()
@config_option
@json_option
def resume(config: Config, printer: Printer) -> None:
    """Bid again after failures in a row had stopped that."""
    reason = trio.run(ControlClient(config.control_socket).resume)
    line = f"bidding again; it had stopped after {printable(reason)}" if reason else "bidding was not stopped"
    printer.result({"stopped": reason}, [line])


@command.command()
@config_option
@json_option
def status(config: Config, printer: Printer) -> None:
    """Show this node on the chain and, when it runs, in the network."""

    async def read() -> dict[str, Any]:
        async with open_onlooker(config) as chain:
            found = await on_chain(chain)
        client = ControlClient(config.control_socket)
        found["running"] = await client.status() if await client.is_running() else None
        return found

    found = trio.run(read)
    printer.result(found, _lines(found, config))


async def on_chain(chain: "ChainClient") -> dict[str, Any]:
    """What the chain knows of the account; amounts are decimal text of the smallest unit."""
    node = await chain.node(chain.account)
    return {
        "account": hexed(chain.account),
        "chain_id": chain.chain_id,
        "gas_balance_wei": str(await chain.gas_balance(chain.account)),
        "joy": str(await chain.token.balance(chain.account)),
        "escrow": str(await chain.escrow.free(chain.account)),
        "node": node
        and {
            "peer_id": node.peer_id,
            "stake": str(node.stake),
            "capacity": node.capacity,
            "active": node.active,
            "settled": node.settled,
            "missed": node.missed,
        },
    }


def moment(seconds: int) -> str:
    """Seconds since the epoch as people read them, UTC."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _lines(found: dict[str, Any], config: Config) -> list[str]:
    lines = [
        f"account   {found['account']} on chain {found['chain_id']}",
        f"gas       {int(found['gas_balance_wei']) / 1e18:.6f} coins",
        f"JOY       {priced(int(found['joy']), config)}, free escrow {priced(int(found['escrow']), config)}",
    ]
    node = found["node"]
    if node is None:
        lines.append("worker    not registered; `p2pnode node register --stake 1` does it")
    else:
        state = "active" if node["active"] else "leaving"
        lines += [
            f"worker    {node['peer_id']}, {state}, capacity {node['capacity']}",
            f"stake     {priced(int(node['stake']), config)}",
            f"record    {node['settled']} settled, {node['missed']} missed",
        ]
    running = found["running"]
    if running is None:
        return [*lines, "running   no; `p2pnode run` starts it"]
    return [*lines, "running   yes", *(f"  {name}: {value}" for name, value in running.items())]
