"""Runs the story once: its folder, Ctrl-C, the last table, the exit code."""

import json
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import trio
from rich.console import Console

from p2pnode.background import open_background
from p2pnode.cli.main import exit_code
from p2pnode.demo.screen import WIDTH, Screen
from p2pnode.demo.story import Story
from p2pnode.demo.summary import Summary
from p2pnode.errors import P2PNodeError


@dataclass(frozen=True, slots=True)
class Options:
    """What `p2pnode demo` was asked.

    Without `folder` it takes a temporary one, and removes it at the end unless something failed.
    """

    folder: Path | None = None
    as_json: bool = False
    proved: bool = True
    picture: Path | None = None


def run_demo(options: Options) -> int:
    """Tell the story; returns the exit code: 0, that of the error, or 128 + the signal that stopped it."""
    console = Console(stderr=options.as_json)
    if not console.is_terminal:
        console.width = WIDTH
    folder = options.folder.expanduser().absolute() if options.folder else _temporary()
    screen = Screen(console)
    outcome = trio.run(_tell, Story(folder, screen, options.proved), screen)
    if isinstance(outcome, P2PNodeError):
        console.print(f"failed: {outcome}", style="bold red", highlight=False, markup=False)
        console.print(f"every log is in {folder}", highlight=False, markup=False)
        return exit_code(outcome)
    if isinstance(outcome, signal.Signals):
        console.print("\nstopped; nothing runs any more", highlight=False)
        _remove_temporary(folder, options)
        return 128 + outcome
    screen.show(outcome.table())
    if options.picture is not None:
        screen.save_picture(options.picture)
    if options.as_json:
        click.echo(json.dumps(outcome.to_json(), indent=2))
    if options.folder is not None:
        console.print(f"logs and receipts are in {folder}", highlight=False, markup=False)
    _remove_temporary(folder, options)
    return 0


async def _tell(story: Story, screen: Screen) -> Summary | P2PNodeError | signal.Signals:
    stopped: list[signal.Signals] = []
    with trio.CancelScope() as scope:

        async def stop() -> None:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                async for number in signals:
                    stopped.append(signal.Signals(number))
                    scope.cancel()

        with screen.open():
            try:
                async with open_background(stop, screen.tick):
                    return await story.tell()
            except P2PNodeError as error:
                return error
    return stopped[0]


def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="p2pnode-demo-"))


def _remove_temporary(folder: Path, options: Options) -> None:
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
