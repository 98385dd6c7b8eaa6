"""`p2pnode demo`."""

import importlib
from typing import Any

import click


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Show a whole network at work on this machine: a chain, workers, a requester, one proved batch."""
    demo: Any = importlib.import_module("p2pnode.demo")
    raise SystemExit(demo.main(list(arguments)))
