"""`p2pnode completion`: completion for a shell."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print completion for SHELL.

    For bash: p2pnode completion bash > ~/.local/share/bash-completion/completions/p2pnode
    """
    from p2pnode.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "p2pnode", "_P2PNODE_COMPLETE").source())
