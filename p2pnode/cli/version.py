"""`p2pnode version`."""

from importlib.metadata import version

import click

from p2pnode.cli.output import Printer, json_option


@click.command()
@json_option
def command(printer: Printer) -> None:
    """Show the version."""
    found = version("p2pnode")
    printer.result({"version": found}, [f"p2pnode {found}"])
