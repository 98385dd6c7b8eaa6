"""`p2pnode init`: a folder with the configuration and both keys."""

import os
import sys
from pathlib import Path

import click

from p2pnode.amounts import JOY
from p2pnode.cli.init_wizard import Answers, ask
from p2pnode.cli.output import DEFAULT_DIR, Printer, json_option
from p2pnode.config import CONFIG_NAME, Config, default_toml, load_config
from p2pnode.errors import ConfigError
from p2pnode.identity import Account, create_identity, read_password, read_secret
from p2pnode.networks import find_network
from p2pnode.protocol.cid import to_cid


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
@click.option("--network", "network_name", help="Join a network that `p2pnode network add` made known.")
@click.option(
    "--ask/--no-ask",
    "asks",
    default=None,
    help="Ask for everything that matters; by default on a terminal when nothing else is given.",
)
@json_option
def command(
    folder: Path,
    changes: tuple[str, ...],
    import_key: Path | None,
    password_file: Path | None,
    network_name: str | None,
    asks: bool | None,
    printer: Printer,
) -> None:
    """Make FOLDER (default ~/.p2pnode) with the keys and the configuration of a node.

    On a terminal it asks what the node is for, measures the machine and suggests capacity and price.
    """
    from p2pnode.network.key import create_key

    folder = folder.expanduser().absolute()
    target = folder / CONFIG_NAME
    if target.exists():
        raise ConfigError(f"{target} exists already; choose another folder, or move it away first")
    given = (changes, import_key, password_file, network_name, printer.as_json)
    if asks is None:
        asks = sys.stdin.isatty() and sys.stderr.isatty() and not any(given)
    answers = ask(printer) if asks else Answers()
    import_key = import_key or answers.import_key
    settings = find_network(network_name).settings() if network_name else {}
    settings |= answers.settings | dict(_split(change) for change in changes)
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
    served = [_serve(config, model) for model in answers.models]
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
            *(f"serves   {cid}" for cid in served),
            "",
            *_next_steps(load_config(target, {}), target, answers.stake),
            f"Back up {config.keystore} and its password: nobody can restore them.",
        ],
    )


def _next_steps(config: Config, target: Path, stake: int) -> list[str]:
    option = "" if target.parent == DEFAULT_DIR.expanduser() else f" --config {target}"
    steps = ["send the account some coins for gas, and JOY"]
    if not config.chain.deployment.exists():
        steps.insert(
            0,
            f"copy the network's deployment.json to {config.chain.deployment}, and name its endpoint and its "
            f"peers in {target} (chain.rpc_url, network.bootstrap)",
        )
    steps.append(f"p2pnode doctor{option}")
    if config.worker.enabled:
        amount = f"{(stake or 10 * JOY) / JOY:g}"
        steps.append(f"p2pnode node register --stake {amount}{option}")
    if config.requester.enabled:
        steps.append(f"p2pnode escrow deposit 20{option}")
    steps.append(f"p2pnode run{option}")
    return ["Next:", *(f"  {number}. {step}" for number, step in enumerate(steps, start=1))]


def _serve(config: Config, model: Path) -> str:
    """Put a model where the node keeps those that it serves; its CID."""
    from p2pnode.inference import read_model
    from p2pnode.network.blob_store import BlobStore

    data, _ = read_model(model)
    return to_cid(BlobStore(config.blobs, config.network.blob_quota_mib << 20).put(data))


def _split(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise ConfigError(f"--set {change!r}: write NAME=VALUE, for example worker.capacity=8")
    return name, value


def _choose_password() -> str:
    # What comes from a pipe is not shown, and hiding it would warn that it may be.
    hide = sys.stdin.isatty()
    try:
        return str(click.prompt("New password", hide_input=hide, confirmation_prompt=True, err=True))
    except click.Abort:
        if hide:
            raise
        raise ConfigError(
            "no password: give --password-file or set P2PNODE_PASSWORD; there is no terminal to ask on"
        ) from None
