"""`p2pnode man`: the manual page, made from the commands themselves."""

import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version

import click

from p2pnode.cli import main as entry


@click.command()
def command() -> None:
    """Print the manual page, for man(1): p2pnode man > p2pnode.1"""
    click.echo("\n".join(page()))


def page() -> Iterator[str]:
    """The page in man(7)'s macros."""
    yield f'.TH P2PNODE 1 "" "p2pnode {version("p2pnode")}" "User Commands"'
    yield ".SH NAME"
    yield f"p2pnode \\- {_escaped(_first_line(entry.main.help))}"
    yield ".SH SYNOPSIS"
    yield ".B p2pnode\n.I command\n[options]"
    yield ".SH COMMANDS"
    context = click.Context(entry.main, info_name="p2pnode")
    for name in entry.main.list_commands(context):
        found = entry.main.get_command(context, name)
        assert found is not None
        yield from _section(found, click.Context(found, info_name=name, parent=context))
    yield ".SH EXIT STATUS"
    for code, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", inspect.getdoc(entry) or "", re.MULTILINE):
        yield f".TP\n.B {code}\n{_escaped(meaning)}"
    yield ".SH FILES"
    yield ".TP\n.I ~/.p2pnode/p2pnode.toml\nThe configuration; each setting in it has a comment."


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _section(found, click.Context(found, info_name=name, parent=context))
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield f'.SS "{_escaped(context.command_path)} {_escaped(usage)}"'
    for paragraph in inspect.cleandoc(command.help or "").replace("\b", "").split("\n\n"):
        yield _escaped(paragraph) + "\n.PP"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            yield f".TP\n.B {_escaped(record[0])}\n{_escaped(record[1])}"


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _escaped(text: str) -> str:
    """Text that roff prints as it is."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)
