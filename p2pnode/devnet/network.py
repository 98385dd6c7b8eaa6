"""Brings the parts of a devnet up, as much at a time as their order allows, and ends them together."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import trio

from p2pnode.amounts import JOY
from p2pnode.control.lines import check_path
from p2pnode.devnet import funds, hardhat
from p2pnode.devnet.node import P2PNODE, DevnetNode, make_node
from p2pnode.devnet.plan import DEFAULT_PLAN, NodePlan, Plan
from p2pnode.devnet.processes import OnEvent, Supervisor, environment, open_supervisor
from p2pnode.errors import DevnetError, P2PNodeError
from p2pnode.identity import write_secret

Say = Callable[[str], None]
"""Called with a sentence for each thing that is up."""

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running network. `url` is the chain's, `deployment` the file of its contracts."""

    folder: Path
    url: str
    deployment: Path
    nodes: Mapping[str, DevnetNode]
    plan: Plan

    @property
    def requester(self) -> DevnetNode:
        return self.nodes[self.plan.requester.name]

    @property
    def owner(self) -> DevnetNode:
        """Who owns the model."""
        return self.nodes[self.plan.owner.name]

    @property
    def workers(self) -> list[DevnetNode]:
        return [self.nodes[worker.name] for worker in self.plan.workers]

    async def until_model_known(self, name: str) -> None:
        """Wait until the requester is connected to all other nodes and knows a model of that name."""
        others = {node.peer_id for node in self.nodes.values()} - {self.requester.peer_id}
        while True:
            status = await self.requester.control.status()
            if others <= set(status["peers"]) and name in status["models"]:
                return
            await trio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def open_devnet(
    folder: Path,
    image_id: bytes,
    *,
    plan: Plan = DEFAULT_PLAN,
    on_event: OnEvent = lambda source, name, fields: None,
    say: Say = lambda line: None,
) -> AsyncIterator[Devnet]:
    """Start a network in `folder`, which must be empty or missing, with contracts for the guest `image_id`.

    Everything it writes is in `folder`. Raises DevnetError, also later in the body, when a part of it ends.
    """
    prepare_folder(folder, plan)
    try:
        async with open_supervisor(on_event) as supervisor:
            yield await _start(supervisor, folder, image_id, plan, say)
    except BaseExceptionGroup as group:
        # A part that ended is why the others failed.
        found = sorted(_leaves(group), key=lambda error: not isinstance(error, DevnetError))
        if all(isinstance(error, P2PNodeError) for error in found):
            raise found[0] from found[0].__cause__
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def prepare_folder(folder: Path, plan: Plan = DEFAULT_PLAN) -> None:
    """Make the folder. Raises DevnetError when it holds something, ConfigError when its path is too long."""
    for node in plan.nodes:
        check_path(folder / node.name / "control.sock")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DevnetError(f"{folder} is not empty; give a new folder")
    except OSError as error:
        raise DevnetError(f"{folder}: {error.strerror}; choose a folder you can write") from error


async def _start(supervisor: Supervisor, folder: Path, image_id: bytes, plan: Plan, say: Say) -> Devnet:
    password, peers = folder / "password", folder / "bootstrap.peers"
    write_secret(password, secrets.token_hex(16).encode())
    url = await hardhat.start_chain(supervisor, folder)
    say(f"chain {hardhat.CHAIN_ID} listens on {url}, with mainnet's gas cap")
    settings = {
        "log_format": "json",
        "network.listen": "/ip4/127.0.0.1/tcp/0",
        "network.bootstrap": str(peers),
        "network.mdns": "false",
        "api.enabled": "false",
        "chain.rpc_url": url,
        "chain.deployment": str(folder / "deployment.json"),
        "chain.poll_seconds": "0.25",
    }
    nodes: dict[str, DevnetNode] = {}

    async def deploy() -> None:
        await hardhat.deploy(url, folder, image_id)
        say(f"contracts deployed, for proofs of the guest {image_id.hex()[:16]}…")

    async def make(part: NodePlan) -> None:
        nodes[part.name] = await make_node(part, folder / part.name, password, settings)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deploy)
        nursery.start_soon(_start_bootstrap, supervisor, folder, peers, say)
        for part in plan.nodes:
            nursery.start_soon(make, part)
    amounts = {node.account: node.plan.joy for node in nodes.values()}
    await funds.fund(url, folder / "deployment.json", amounts)
    say(f"{len(nodes)} accounts made with `p2pnode init` and given JOY and coins for gas")
    async with trio.open_nursery() as nursery:
        for node in nodes.values():
            nursery.start_soon(_bring_up, node, supervisor, say)
    return Devnet(folder, url, folder / "deployment.json", nodes, plan)


async def _start_bootstrap(supervisor: Supervisor, folder: Path, peers: Path, say: Say) -> None:
    home = folder / "bootstrap"
    await trio.Path(home).mkdir(mode=0o700)
    listen = ["--listen", "/ip4/127.0.0.1/tcp/0"]
    child = supervisor.start(
        "bootstrap",
        [*P2PNODE, "bootstrap", "--key", home / "node.key", *listen, "--write-list", peers, "--json"],
        log=home / "node.log",
        cwd=home,
        env=environment(),
    )
    opened = await child.event("network.open")
    say(f"bootstrap peer {opened['peer'][-8:]} listens on {opened['addresses'][0].partition('/p2p/')[0]}")


async def _bring_up(node: DevnetNode, supervisor: Supervisor, say: Say) -> None:
    """Start a node; register it or fill its escrow as planned."""
    plan = node.plan
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.start, supervisor)
        if plan.stake:
            await node.command("node", "register", "--stake", _joy(plan.stake))
        if plan.escrow:
            await node.command("escrow", "deposit", _joy(plan.escrow))
    did = f", {_joy(plan.stake)} JOY staked" if plan.stake else ""
    did += f", {_joy(plan.escrow)} JOY in escrow" if plan.escrow else ""
    say(f"node {node.name} runs as {node.peer_id[-8:]}{did}")


def _joy(units: int) -> str:
    """An amount as the command line takes it."""
    return format(Decimal(units) / JOY, "f")
