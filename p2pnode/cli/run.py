"""`p2pnode run`."""

from pathlib import Path

import click

from p2pnode.cli.operator import ask_password
from p2pnode.cli.output import config_path_option
from p2pnode.cli.prover import ensure_prover


@click.command()
@config_path_option
def command(config: Path) -> None:
    """Run the node until Ctrl-C: a worker, a requester or both, as configured."""
    from p2pnode.api.edge import EdgeNode

    node = EdgeNode(config)
    if node.config.worker.enabled:
        ensure_prover(node.config.prover.binary)
    node.run(ask_password(node.config))
