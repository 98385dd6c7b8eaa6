"""`p2pnode bootstrap`."""

import json
from pathlib import Path

import click

from p2pnode.cli.output import Printer, json_option
from p2pnode.log import configure_logging
from p2pnode.stopping import run_until_stopped


@click.command()
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bootstrap.key"),
    show_default=True,
    help="File with the peer's fixed key; made when it is missing.",
)
@click.option(
    "--listen",
    multiple=True,
    default=["/ip4/0.0.0.0/tcp/4001"],
    show_default=True,
    help="Multiaddr to listen on. May be repeated.",
)
@click.option("--announce", multiple=True, help="Multiaddr to tell peers instead. May be repeated.")
@click.option("--peer", "peers", multiple=True, help="Other peer, list file or /dnsaddr/<name>.")
@click.option(
    "--psk-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Key file of a private network, for its nodes to take as network.psk_file; made when it is missing.",
)
@click.option(
    "--relay/--no-relay",
    default=False,
    show_default=True,
    help="Pass on connections for peers that cannot be dialled, at most 64 MiB and 10 minutes each.",
)
@click.option(
    "--write-list",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write this peer's addresses to a list file that nodes can take as network.bootstrap.",
)
@json_option
def command(
    key: Path,
    listen: tuple[str, ...],
    announce: tuple[str, ...],
    peers: tuple[str, ...],
    psk_file: Path | None,
    relay: bool,
    write_list: Path | None,
    printer: Printer,
) -> None:
    """Run a peer that others join by, until Ctrl-C. It needs no account."""
    from p2pnode.network import Network, NetworkSettings, RelayTerms, create_key, create_psk, run_bootstrap

    configure_logging("info", "json" if printer.as_json else "auto")
    key = key.expanduser().absolute()
    if not key.exists():
        create_key(key)
    if psk_file is not None and not psk_file.exists():
        create_psk(psk_file)
    settings = NetworkSettings(
        key_path=key,
        cache_dir=key.parent / f"{key.stem}-cache",
        listen=listen,
        announce=announce,
        bootstrap=peers,
        state_dir=key.parent / f"{key.stem}-state",
        psk_path=psk_file,
        relay=RelayTerms() if relay else None,
    )

    def on_ready(network: Network) -> None:
        if write_list is not None:
            lines = [f"# bootstrap peer {network.peer_id}", *network.addresses]
            write_list.write_text("\n".join(lines) + "\n")
        value = {"peer_id": network.peer_id, "addresses": list(network.addresses)}
        click.echo(json.dumps(value) if printer.as_json else "\n".join(network.addresses))

    run_until_stopped(run_bootstrap, settings, on_ready)
