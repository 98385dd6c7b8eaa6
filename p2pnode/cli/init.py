"""`p2pnode init`: a folder with the configuration and both keys."""

import os
from pathlib import Path

import click

from p2pnode.cli.output import DEFAULT_DIR, Printer, json_option
from p2pnode.config import CONFIG_NAME, Config, default_toml
from p2pnode.errors import ConfigError
from p2pnode.identity import Account, create_identity, read_password, read_secret


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=DEFAULT_DIR)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Write another value than the default, for example worker.capacity=8. May be repeated.",
)
@click.option(
    "--import-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File (mode 0600) with the private key of an account in hex, instead of a new one.",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File (mode 0600) with the password; else P2PNODE_PASSWORD, else a prompt.",
)
@json_option
def command(
    folder: Path,
    changes: tuple[str, ...],
    import_key: Path | None,
    password_file: Path | None,
    printer: Printer,
) -> None:
    """Make FOLDER (default ~/.p2pnode) with the keys and the configuration of a node."""
    from p2pnode.network.key import create_key

    folder = folder.expanduser().absolute()
    target = folder / CONFIG_NAME
    if target.exists():
        raise ConfigError(f"{target} exists already; choose another folder, or move it away first")
    settings = dict(_split(change) for change in changes)
    if password_file is not None:
        settings["password_file"] = str(password_file.expanduser().absolute())
    written = default_toml(settings, Path.cwd())
    key = None
    if import_key is not None:
        text = read_secret(import_key, "give the file with the private key").decode(errors="replace")
        key = Account.from_hex(text).key
    password = read_password(password_file, os.environ, _choose_password)
    config = Config(data_dir=folder)
    with printer.progress("Encrypting the account's key"):
        identity = create_identity(config.keystore, config.node_key, password, create_key, key=key)
    target.write_text(written)
    found = {
        "account": identity.account.checksum_address,
        "peer_id": identity.peer_id,
        "config": str(target),
    }
    printer.result(
        found,
        [
            f"account  {found['account']}",
            f"peer id  {found['peer_id']}",
            f"config   {found['config']}",
            "",
            "Next: put the network's deployment.json and bootstrap peers into the configuration,",
            f"send the account some coin for gas and JOY, then: p2pnode run --config {target}",
            f"Back up {config.keystore} and its password: nobody can restore them.",
        ],
    )


def _split(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise ConfigError(f"--set {change!r}: write NAME=VALUE, for example worker.capacity=8")
    return name, value


def _choose_password() -> str:
    return str(click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
