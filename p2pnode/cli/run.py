"""`p2pnode run`."""

from pathlib import Path

import click

from p2pnode.api.edge import EdgeNode
from p2pnode.cli.operator import ask_password
from p2pnode.cli.output import config_path_option


@click.command()
@config_path_option
def command(config: Path) -> None:
    """Run the node until Ctrl-C: a worker, a requester or both, as configured."""
    node = EdgeNode(config)
    node.run(ask_password(node.config))
