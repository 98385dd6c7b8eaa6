"""`p2pnode models retire` and `claim`: what an owner does with a model that is registered."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click
import trio

from p2pnode.cli.operator import new_key, open_operator, sent, sent_line
from p2pnode.cli.output import Printer, config_option, hexed, joy, json_option
from p2pnode.config import Config
from p2pnode.errors import ChainError, P2PNodeError
from p2pnode.protocol.cid import from_cid, to_cid

if TYPE_CHECKING:
    from p2pnode.chain import TxReceipt


class ModelId(click.ParamType[bytes]):
    """A model's CID; becomes its 32-byte digest."""

    name = "CID"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            return from_cid(str(value))
        except P2PNodeError as error:
            self.fail(str(error), param, ctx)


class FeeShare(click.ParamType[tuple[bytes, int]]):
    """`0x...=12.5`: an account and its per cent of the fees; becomes 20 bytes and basis points."""

    name = "ADDRESS=PERCENT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[bytes, int]:
        if isinstance(value, tuple):
            return value
        address, _, percent = str(value).partition("=")
        try:
            account, bps = bytes.fromhex(address.removeprefix("0x")), Decimal(percent) * 100
            if len(account) != 20 or bps != int(bps) or not 0 < bps <= 10_000:
                raise ValueError
        except (ValueError, InvalidOperation, OverflowError):
            self.fail(
                f"{value!r}: give an address and per cent of the fees with at most two decimals, "
                "for example 0x70997970C51812dc3A010C7d01b50e0d17dc79C8=12.5",
                param,
                ctx,
            )
        return account, int(bps)


@click.command()
@click.argument("model", type=ModelId())
@click.option("--undo", is_flag=True, help="Take the model back into service.")
@config_option
@json_option
def retire(model: bytes, undo: bool, config: Config, printer: Printer) -> None:
    """Ask for no new work with MODEL (a CID). Awards that are signed stay payable."""

    async def send() -> "TxReceipt":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                if undo:
                    return await chain.models.unretire(model, new_key("unretire"))
                return await chain.models.retire(model, new_key("retire"))

    receipt = trio.run(send)
    state = "back in service" if undo else "retired"
    printer.result(
        {"cid": to_cid(model), "retired": not undo, **sent(receipt)},
        [f"model  {to_cid(model)} is {state}", sent_line(receipt)],
    )


@click.command()
@click.argument("model", type=ModelId())
@config_option
@json_option
def claim(model: bytes, config: Config, printer: Printer) -> None:
    """Pay the waiting fees of MODEL (a CID) and its rewards to all who hold a share of it."""

    async def send() -> "tuple[int, int, list[TxReceipt], dict[bytes, int]]":
        receipts = []
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                shares = dict(await chain.models.shares(model))
                if not shares:
                    raise ChainError(
                        f"model {to_cid(model)} is not registered; `p2pnode models list` shows all"
                    )
                royalties = await chain.use.royalties(model)
                rewards = await chain.use.rewards(model)
                if royalties:
                    receipts.append(await chain.use.claim_royalties(model, new_key("royalties")))
                if rewards:
                    receipts.append(await chain.use.claim_rewards(model, list(rewards), new_key("rewards")))
        return royalties, sum(rewards.values()), receipts, shares

    royalties, rewards, receipts, shares = trio.run(send)
    found = {
        "cid": to_cid(model),
        "royalties": str(royalties),
        "rewards": str(rewards),
        "shares": {hexed(account): bps for account, bps in shares.items()},
        "transactions": [sent(receipt) for receipt in receipts],
    }
    lines = [f"fees     {joy(royalties)}", f"rewards  {joy(rewards)}"]
    lines += [f"{bps / 100:6.2f} %  {hexed(account)}" for account, bps in shares.items()]
    lines += [sent_line(receipt) for receipt in receipts]
    if not receipts:
        lines.append("nothing is due; fees of a model with one holder are paid at settlement")
    printer.result(found, lines)
