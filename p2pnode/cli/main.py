"""The `p2pnode` command: finds the commands and turns what goes wrong into one line and an exit code.

| code | meaning |
|---|---|
| 0 | done, or stopped by the operator while it ran |
| 1 | failed |
| 2 | wrong usage or configuration |
| 3 | no node answers, or the network failed |
| 4 | the chain refused or could not be reached |
| 5 | verification found something wrong |
| 130 | interrupted |
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

import click

from p2pnode.errors import ChainError, ConfigError, NetworkError, P2PNodeError

COMMANDS: Final[Mapping[str, str]] = {
    "init": "Make the keys and the configuration of a node.",
    "network": "Know shared networks by name.",
    "doctor": "Check all that a node needs, and say how to mend it.",
    "bench": "Measure what this machine can do as a worker.",
    "run": "Run the node.",
    "top": "Watch the running node live.",
    "bootstrap": "Run a peer that others join by.",
    "submit": "Have a model run on inputs, proved and paid.",
    "session": "Make many small calls to one worker, paid together.",
    "explain": "Say why an offer got no bid, and what would change that.",
    "models": "Check, quantise, publish and list models.",
    "content": "See, pin and remove the content that this node keeps.",
    "ipfs": "Bring models from IPFS and to it.",
    "node": "Register and stake this node as a worker.",
    "escrow": "Move JOY in and out of the escrow that pays.",
    "bond": "Put up a bond, which workers may ask for, and take it back.",
    "jsc": "Hold and spend JOY in private.",
    "receipts": "List and show the receipts of settled tasks.",
    "verify": "Check a receipt file.",
    "prover": "Build the prover for this machine.",
    "demo": "Show a whole network at work on this machine.",
    "completion": "Print completion for a shell.",
    "man": "Print the manual page.",
    "version": "Show the version.",
}
INTERRUPTED: Final = 130
_LOGS_NOTHING: Final = frozenset({"verify", "version", "completion", "man"})
"""Commands for which the logging library is not loaded: that would take them a third of their time."""


class Commands(click.Group):
    """Imports a command when it is called, so that `--help` and small commands start at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"p2pnode.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except P2PNodeError as error:
            return _fail(error)
        except (KeyboardInterrupt, click.Abort):
            raise SystemExit(INTERRUPTED) from None
        except BaseExceptionGroup as group:
            leaves = list(_leaves(group))
            known = [error for error in leaves if isinstance(error, P2PNodeError)]
            if any(isinstance(error, KeyboardInterrupt) for error in leaves):
                raise SystemExit(INTERRUPTED) from None
            if known and len(known) == len(leaves):
                return _fail(known[0])
            raise


def exit_code(error: P2PNodeError) -> int:
    """The code of an error that reaches the command line."""
    kinds: Sequence[tuple[type[P2PNodeError], int]] = ((ConfigError, 2), (NetworkError, 3), (ChainError, 4))
    return next((code for kind, code in kinds if isinstance(error, kind)), 1)


def _fail(error: P2PNodeError) -> NoReturn:
    click.secho("error: ", fg="red", bold=True, err=True, nl=False)
    click.echo(" ".join(str(error).split()), err=True)
    raise SystemExit(exit_code(error))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="p2pnode", message="p2pnode %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Inference that strangers sell to strangers, with a proof instead of trust."""
    if ctx.invoked_subcommand not in _LOGS_NOTHING:
        from p2pnode.log import configure_logging

        configure_logging("warning")
