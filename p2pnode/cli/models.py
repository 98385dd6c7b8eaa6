"""`p2pnode models`: models for sale, and what it takes to prove one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import trio

from p2pnode.cli.models_check import check
from p2pnode.cli.models_owner import FeeShare, ModelId, claim, retire
from p2pnode.cli.models_quantise import quantise
from p2pnode.cli.operator import new_key, open_onlooker, open_operator, sent, sent_line
from p2pnode.cli.output import JoyAmount, Printer, config_option, hexed, joy, json_option, printable
from p2pnode.config import Config
from p2pnode.control import ControlClient, PublishRequest
from p2pnode.errors import ChainError
from p2pnode.ports import ModelListing
from p2pnode.protocol.cid import content_digest, to_cid

if TYPE_CHECKING:
    from p2pnode.chain import TxReceipt


@click.group()
def command() -> None:
    """Check, quantise, publish, list and retire models, and claim what they earned."""


command.add_command(check)
command.add_command(quantise)
command.add_command(retire)
command.add_command(claim)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--price", type=JoyAmount(), required=True, help="Fee of one inference, in JOY; may be 0.")
@click.option("--name", help="Name for people; the file's name by default.")
@click.option("--follows", type=ModelId(), help="Model of which this is the next version.")
@click.option("--licence", default="", help="SPDX expression or CID; a version keeps that of the one before.")
@click.option(
    "--share", "shares", type=FeeShare(), multiple=True, help="Part of the fees for another account."
)
@config_option
@json_option
def publish(
    file: Path,
    price: int,
    name: str | None,
    follows: bytes | None,
    licence: str,
    shares: tuple[tuple[bytes, int], ...],
    config: Config,
    printer: Printer,
) -> None:
    """Register the ONNX FILE with its price, and have the running node serve and announce it.

    A model that is registered already gets the price alone.
    """
    from p2pnode.inference import read_model

    file = file.absolute()
    data, info = read_model(file)
    digest, name = content_digest(data), name or file.stem
    metadata = json.dumps({"name": name, "size": len(data), "opset": info.opset}, separators=(",", ":"))

    async def send() -> "tuple[TxReceipt | None, bool]":
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                listing = await chain.listing(digest)
                receipt = None
                if listing is None:
                    receipt = await chain.models.register(
                        digest,
                        price,
                        metadata,
                        new_key("publish"),
                        previous=follows,
                        licence=licence,
                        shares=dict(shares),
                    )
                elif listing.owner != chain.account:
                    raise ChainError(f"model {to_cid(digest)} belongs to {hexed(listing.owner)} already")
                elif listing.fee != price:
                    receipt = await chain.models.set_price(digest, price, new_key("price"))
        client = ControlClient(config.control_socket)
        serving = await client.is_running()
        if serving:
            await client.publish(PublishRequest(file, price, name))
        return receipt, serving

    receipt, serving = trio.run(send)
    found = {"cid": to_cid(digest), "digest": hexed(digest), "price": str(price), "serving": serving}
    lines = [f"model  {to_cid(digest)}", f"price  {joy(price)}"]
    if receipt is not None:
        found.update(sent(receipt))
        lines.append(sent_line(receipt))
    if not serving:
        lines.append("not served yet: start the node with `p2pnode run`, then publish again")
    printer.result(found, lines)


@command.command("list")
@config_option
@json_option
def list_models(config: Config, printer: Printer) -> None:
    """List the registered models."""

    async def read() -> list[ModelListing]:
        async with open_onlooker(config) as chain:
            return list(await chain.models.listings())

    listings = trio.run(read)
    found = [
        {
            "cid": to_cid(listing.model_digest),
            "owner": hexed(listing.owner),
            "price": str(listing.fee),
            "retired": listing.retired,
            "version": listing.version,
            "series": to_cid(listing.series),
            "licence": listing.licence,
            "metadata": listing.metadata,
        }
        for listing in listings
    ]
    lines = [
        f"{to_cid(listing.model_digest)}  {joy(listing.fee):>12}  {hexed(listing.owner)}"
        f"  v{listing.version}{'  retired' if listing.retired else ''}"
        f"{f'  {printable(listing.licence)}' if listing.licence else ''}  {printable(listing.metadata)}"
        for listing in listings
    ]
    printer.result(found, lines or ["no model is registered; `p2pnode models publish FILE` adds one"])
