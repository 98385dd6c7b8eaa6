"""`p2pnode top`: the running node, live on the terminal."""

import click
import trio

from p2pnode.cli.output import Printer, config_option, json_option
from p2pnode.config import Config
from p2pnode.control import ControlClient


@click.command()
@click.option(
    "--every", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, help="Seconds between looks."
)
@config_option
@json_option
def command(every: float, config: Config, printer: Printer) -> None:
    """Watch peers, workers, offers, tasks with their proofs, earnings and faults. q ends it.

    On a terminal of less than 100 columns tasks and faults alone. With --json what is known now, once.
    """
    client = ControlClient(config.control_socket)
    # The first look tells whether there is a node at all, before the screen is taken over.
    first = trio.run(client.overview)
    if printer.as_json:
        printer.result(first, [])
        return
    from p2pnode.cli.top_screen import TopScreen

    TopScreen(client, first, every).run()
