"""`p2pnode run`."""

import importlib
from typing import Any

import click

from p2pnode.cli.operator import ask_password
from p2pnode.cli.output import config_option
from p2pnode.cli.stopping import run_until_stopped
from p2pnode.config import Config
from p2pnode.log import configure_logging


@click.command()
@config_option
def command(config: Config) -> None:
    """Run the node until Ctrl-C: a worker, a requester or both, as configured."""
    password = ask_password(config)
    configure_logging(config.log_level, config.log_format, secrets=[password])
    app: Any = importlib.import_module("p2pnode.app")
    run_until_stopped(app.run_node, config, password)
