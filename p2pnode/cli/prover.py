"""`p2pnode prover`: builds the prover, and says what is built."""

import os
import sys

import click
import trio

from p2pnode.cli.output import Printer, hexed, json_option
from p2pnode.errors import ProverError
from p2pnode.proving.locate import find_prover

BUILD_ENV = "P2PNODE_BUILD_PROVER"
"""Set to 1, a command that lacks the prover builds it without asking, for containers."""


@click.group()
def command() -> None:
    """Build the prover, which is written in Rust, for this machine."""


@command.command()
def build() -> None:
    """Build it into ~/.cache/p2pnode; some minutes the first time, seconds when nothing changed."""
    from p2pnode.proving.build import build_prover

    build_prover()
    click.echo(f"prover: {find_prover('')}")


@command.command()
@click.option("--prover", default="", help="Path of the prover; empty looks in its usual places.")
@json_option
def status(prover: str, printer: Printer) -> None:
    """Show where it is, which guest it proves, and how fast it was at the last proof."""
    from p2pnode.proving import open_prover

    async def look() -> bytes:
        async with open_prover(binary=prover) as opened:
            return opened.image_id

    from p2pnode.proving.rates import load_rates

    path, image_id = find_prover(prover), trio.run(look)
    rates = load_rates(path)
    khz = round(rates.cycles_per_second / 1000, 2) if rates.measured_at else None
    speed = f"{khz} kHz at the last proof" if khz else "not measured; `p2pnode bench` does it"
    value = {"path": str(path), "image_id": hexed(image_id), "khz": khz}
    printer.result(value, [f"prover  {path}", f"guest   {hexed(image_id)}", f"speed   {speed}"])


def ensure_prover(binary: str) -> None:
    """Build the prover at its first use, when whoever is at the terminal agrees. Raises ProverError."""
    try:
        find_prover(binary)
    except ProverError:
        # A path that somebody set and that is wrong is his to correct.
        if binary or os.environ.get("P2PNODE_PROVER"):
            raise
        agreed = os.environ.get(BUILD_ENV) == "1"
        if not agreed and sys.stdin.isatty() and sys.stderr.isatty():
            question = "The prover is not built yet; build it now (some minutes, once a machine)"
            agreed = click.confirm(question, default=True, err=True)
        if not agreed:
            raise
        from p2pnode.proving.build import build_prover

        build_prover()
