"""`p2pnode demo`."""

import importlib
from pathlib import Path
from typing import Any

import click

from p2pnode.cli.output import Printer, json_option


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for all of it, kept afterwards; else a temporary one, kept when something fails.",
)
@click.option(
    "--wait",
    type=click.Choice(["answered", "settled"]),
    default="settled",
    show_default=True,
    help="Stop when the tasks are answered, or go on until they are proved and paid.",
)
@click.option(
    "--save-svg",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a picture of the terminal to this file.",
)
@json_option
def command(folder: Path | None, wait: str, picture: Path | None, printer: Printer) -> None:
    """Show a whole network at work on this machine: a chain, workers, a requester, one proved batch."""
    # By name: only this command needs what the demo imports.
    demo: Any = importlib.import_module("p2pnode.demo")
    options = demo.Options(folder, printer.as_json, wait == "settled", picture)
    raise SystemExit(demo.run_demo(options))
