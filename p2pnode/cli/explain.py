"""`p2pnode explain`: why an offer got no bid."""

from typing import Any

import click
import trio

from p2pnode.cli.output import Printer, config_option, joy, json_option, priced, printable
from p2pnode.config import Config
from p2pnode.control import ControlClient

_WOULD_BID = "would-bid"


@click.command()
@click.argument("offer")
@config_option
@json_option
def command(offer: str, config: Config, printer: Printer) -> None:
    """Ask all workers why they do not bid for OFFER, and what is the cheapest change that gets a bid.

    OFFER is the beginning of the hash that `submit` shows. Needs `p2pnode run` in another terminal.
    """
    client = ControlClient(config.control_socket)

    async def ask() -> dict[str, Any]:
        with printer.progress("Asking the workers"):
            return dict(await client.explain(offer))

    found = trio.run(ask)
    printer.result(found, _lines(found, config))


def _lines(found: dict[str, Any], config: Config) -> list[str]:
    prices = f"{joy(int(found['price_min']))} to {priced(int(found['price_max']), config)}"
    lines = [
        f"offer    {found['offer']}, {found['state']}",
        f"model    {found['model']}",
        f"price    {prices}",
        f"workers  {len(found['workers'])} asked",
    ]
    for worker in found["workers"]:
        place = f"{worker['account'][:10]}  {worker['load']} of {worker['capacity']} places taken"
        if worker["code"] == _WOULD_BID:
            lines.append(f"  {place}  would bid {priced(int(worker['price']), config)}")
        else:
            lines.append(f"  {place}  {worker['code']}: {printable(worker['reason'])}")
    return [*lines, f"advice   {found['advice']}"]
