"""`p2pnode network`: shared networks by name, and contracts for a new one."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import trio

from p2pnode.cli.output import Printer, hexed, json_option
from p2pnode.config import default_toml
from p2pnode.errors import ChainError, ConfigError
from p2pnode.identity import Account, read_secret
from p2pnode.networks import add_network, known_networks

if TYPE_CHECKING:
    from p2pnode.deploying import Review


@click.group()
def command() -> None:
    """Know shared networks by name, and deploy the contracts of a new one."""


@command.command()
@click.argument("name")
@click.argument("deployment", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--bootstrap",
    multiple=True,
    help="Multiaddr or /dnsaddr/NAME to join by, or a list file. May be repeated.",
)
@click.option("--rpc-url", default="", help="JSON-RPC endpoint that members may use.")
@json_option
def add(name: str, deployment: Path, bootstrap: tuple[str, ...], rpc_url: str, printer: Printer) -> None:
    """Know the network of the DEPLOYMENT file as NAME; `p2pnode init --network NAME` joins it."""
    from p2pnode.chain import load_deployment
    from p2pnode.network.bootstrap import read_sources
    from p2pnode.network.dnsaddr import PREFIX

    found = load_deployment(deployment)
    if rpc_url:
        # What `init` would refuse to write is refused here, where it can be corrected.
        default_toml({"chain.rpc_url": rpc_url}, Path.cwd())
    sources = read_sources(bootstrap)
    peers, names = list(map(str, sources.candidates)), [PREFIX + dns for dns in sources.names]
    network = add_network(name, deployment, peers, names, rpc_url)
    image = hexed(found.image_id)[:18]
    value = {
        "name": name,
        "chain_id": found.chain_id,
        "peers": len(peers),
        "names": names,
        "folder": str(network.folder),
    }
    printer.result(
        value,
        [
            f"{name}: chain {found.chain_id}, guest {image}…, {len(peers)} bootstrap peers",
            f"join it: p2pnode init --network {name}",
        ],
    )


@command.command("list")
@json_option
def list_networks(printer: Printer) -> None:
    """List the networks that are known."""
    from p2pnode.chain import load_deployment

    found = [
        {
            "name": network.name,
            "chain_id": load_deployment(network.deployment).chain_id,
            "rpc_url": network.rpc_url,
            "folder": str(network.folder),
        }
        for network in known_networks()
    ]
    lines = [f"{one['name']:20} chain {one['chain_id']:<10} {one['rpc_url']}" for one in found]
    printer.result(found, lines or ["none; `p2pnode network add NAME deployment.json` adds one"])


@command.command()
@click.option("--rpc-url", required=True, help="JSON-RPC endpoint of the chain.")
@click.option(
    "--key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File (mode 0600) with the private key in hex that deploys and pays the gas.",
)
@click.option(
    "--parameters",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ignition parameters; those of contracts/ignition/parameters/devnet.json by default.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("deployment.json"),
    show_default=True,
    help="Deployment file to write; the compiler's input goes beside it.",
)
@click.option("--yes", is_flag=True, help="Send without asking, for scripts.")
@json_option
def deploy(
    rpc_url: str, key_file: Path, parameters: Path | None, output: Path, yes: bool, printer: Printer
) -> None:
    """Deploy the contracts of a new network to any EVM chain, after a look at what will be sent."""
    from p2pnode.deploying import PARAMETERS, deploy_network, review
    from p2pnode.proving import open_prover

    if output.exists():
        raise ConfigError(f"{output} exists already: a network is deployed once; give another --output")
    key = read_secret(key_file, "give the file with the private key").decode(errors="replace")
    deployer, values = Account.from_hex(key), (parameters or PARAMETERS).absolute()

    async def look() -> "Review":
        async with open_prover() as prover:
            return await review(rpc_url, deployer, values, prover.image_id)

    found = trio.run(look)
    click.echo("\n".join(_review_lines(found)), err=True)
    if not found.affordable:
        raise ChainError(f"deployer {hexed(found.deployer)} cannot pay that; send it coins first")
    if not yes:
        click.confirm(f"Send this to chain {found.chain_id}", abort=True, err=True)
    say = partial(click.echo, err=True)
    sources = trio.run(deploy_network, found, deployer, values, output.absolute(), say)
    value = {"deployment": str(output), "sources": str(sources), "chain_id": found.chain_id}
    printer.result(
        value, [f"deployment  {output}", f"sources     {sources}, the compiler's input for explorers"]
    )


def _review_lines(found: "Review") -> list[str]:
    lines = [
        f"chain        {found.chain_id} at {found.rpc_url}",
        f"deployer     {hexed(found.deployer)} with {found.balance / 1e18:.6f} coins",
        f"cost         at most {found.cost / 1e18:.6f} coins at today's price of gas",
        f"guest        {hexed(found.image_id)}",
    ]
    for module, values in found.parameters.items():
        lines += [f"{module}.{name} = {json.dumps(value)[:100]}" for name, value in values.items()]
    return lines
