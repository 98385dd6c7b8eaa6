"""Command lines of `p2pnode` that ship in files and pages: parsed as the command would, and not run."""

from collections.abc import Sequence

import click

from p2pnode.cli.main import main


def parse(arguments: Sequence[str]) -> list[str]:
    """The names of the command that would run. Fails for a command, option or argument that there is not."""
    command: click.Command = main
    rest = list(arguments)
    names: list[str] = []
    while True:
        _, rest, _ = command.make_parser(click.Context(command)).parse_args(rest)
        if not isinstance(command, click.Group):
            assert not rest, f"{' '.join(names)} takes no {' '.join(rest)}"
            return names
        assert rest, f"{' '.join(names)} lacks a command"
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"there is no command {' '.join([*names, rest[0]])}"
        names.append(rest.pop(0))
        command = found
