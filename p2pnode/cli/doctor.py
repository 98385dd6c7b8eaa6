"""`p2pnode doctor`: all that a node needs, each line ok or the fix in words."""

import shutil
import textwrap
from dataclasses import asdict

import click
import trio

from p2pnode.cli.output import Printer, config_option, json_option
from p2pnode.config import Config

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@config_option
@json_option
def command(strict: bool, config: Config, printer: Printer) -> None:
    """Check the clock, ports, peers, chain, money, disk and prover, and say how to mend what is wrong.

    Exit code 0 when the node can work, 1 when something keeps it from that.
    """
    from p2pnode.doctor import Check, Outcome, diagnose

    def show(check: Check) -> None:
        if printer.as_json:
            return
        mark, colour = MARKS[check.outcome]
        click.echo(f"{click.style(mark, fg=colour)} {check.name:20} {check.found}")
        if check.fix:
            indent = " " * 23
            width = max(60, shutil.get_terminal_size((100, 24)).columns)
            click.echo(
                textwrap.fill(f"fix: {check.fix}", width, initial_indent=indent, subsequent_indent=indent)
            )

    async def look() -> list[Check]:
        return list(await diagnose(config, show))

    checks = trio.run(look)
    count = {outcome: sum(check.outcome == outcome for check in checks) for outcome in Outcome}
    bad = count[Outcome.FAIL] + (count[Outcome.WARN] if strict else 0)
    summary = f"{count[Outcome.OK]} ok, {count[Outcome.WARN]} warnings, {count[Outcome.FAIL]} failed"
    printer.result({"healthy": not bad, "checks": [asdict(check) for check in checks]}, ["", summary])
    if bad:
        raise SystemExit(1)
