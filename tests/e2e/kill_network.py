"""A network of real processes on a real chain, whose nodes are killed with SIGKILL and started again."""

import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from benchmarks.forked import Forked, fork
from p2pnode.amounts import JOY
from p2pnode.chain import open_chain_reader
from p2pnode.chain.finality import FINAL_BLOCKS
from p2pnode.chain.rpc import open_rpc
from p2pnode.config import ChainConfig
from p2pnode.control import SubmitRequest, Wait
from p2pnode.devnet import funds, hardhat
from p2pnode.devnet.node import P2PNODE, DevnetNode, make_node
from p2pnode.devnet.plan import NodePlan, worker
from p2pnode.devnet.processes import environment, open_supervisor
from p2pnode.errors import NetworkError, P2PNodeError
from p2pnode.identity import write_secret
from p2pnode.inference import read_inputs, read_model
from p2pnode.market.state import TaskState
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import Role
from p2pnode.protocol.cid import content_digest
from p2pnode.proving import open_prover
from p2pnode.store import open_store
from tests.e2e.killed_node import Fault, run_node
from tests.judging import Report, judge

ROOT = Path(__file__).parents[2]
PLANS = (
    NodePlan(
        "alice",
        joy=50 * JOY,
        escrow=20 * JOY,
        # A slow machine is not what is tested here.
        settings={
            "requester.bid_wait": "4",
            "requester.result_seconds": "600",
            "requester.settle_seconds": "7200",
        },
    ),
    worker("bob", capacity=8, price=JOY // 100, stake=20 * JOY),
    worker("carol", capacity=8, price=JOY // 100 * 11 // 10, stake=20 * JOY),
)
WORKERS = ("bob", "carol")
QUICK = {"worker.batch_seconds": "5", "worker.batch_size": "8", "worker.most_failures": "1000"}
READY_SECONDS = 300
STOP_SECONDS = 10.0


@dataclass
class KillNetwork:
    """Nodes by name; each is one process at a time."""

    url: str
    folder: Path
    nodes: Mapping[str, DevnetNode]
    report: Report = field(default_factory=Report)
    processes: dict[str, Forked] = field(default_factory=dict)
    escrow: int = 0

    async def start(self, name: str, fault: Fault | None = None) -> None:
        """Start a node and wait until it answers, or until it has died at its fault."""
        node = self.nodes[name]
        process = await fork(
            run_node,
            node.config,
            fault,
            stderr=node.log,
            cwd=node.folder,
            env=environment(),
            guarded=True,
        )
        self.processes[name] = process

        async def settled() -> bool:
            return not self.is_alive(name) or await node.control.is_running()

        await until(settled, READY_SECONDS)
        assert fault is not None or self.is_alive(name), f"{name} ended at its start; see {node.log}"

    def is_alive(self, name: str) -> bool:
        """Whether the node's process runs."""
        return self.processes[name].returncode is None

    async def kill(self, name: str) -> None:
        """SIGKILL to the node."""
        if self.is_alive(name):
            self.report.kills += 1
            self.processes[name].send_signal(signal.SIGKILL)
        await self.processes[name].aclose()

    async def stop(self, name: str) -> None:
        """SIGTERM, as an operator stops a node."""
        await self.processes[name].aclose(STOP_SECONDS)

    async def close(self) -> None:
        """End every node."""
        for name in self.processes:
            await self.processes[name].aclose()

    async def submit(self, count: int, on_event: Callable[[], None] = lambda: None) -> None:
        """Offer digits and wait for answers; what a kill interrupts is left to the ledgers."""
        _, info = read_model(DIGITS)
        names = [path for path, _ in digit_images()][:count]
        inputs = tuple(read_inputs(name, info) for name in names)
        labels = tuple(name.name for name in names)
        digest = content_digest(DIGITS.read_bytes())
        request = SubmitRequest(digest, inputs, labels, 0, JOY // 20, Wait.ANSWERED)
        try:
            await self.nodes["alice"].control.submit(request, lambda name, fields: on_event())
        except P2PNodeError as error:
            print(f"submission ended early: {error}")

    async def open_tasks(self) -> int:
        """Tasks that are not over on a node that runs; bids that wait for an award do not count."""
        total = 0
        for name, node in self.nodes.items():
            if not self.is_alive(name):
                continue
            try:
                states = (await node.control.status())["open_tasks"]
            except NetworkError:
                # It dies at this very moment, with whatever it had to do.
                return 1
            total += sum(n for role in states.values() for state, n in role.items() if state != "bid")
        return total

    async def is_idle(self) -> bool:
        """Whether every task is over on the nodes that run."""
        return not await self.open_tasks()

    async def finalise(self) -> None:
        """Mine until what was settled is final; the nodes notice by themselves."""
        async with open_rpc((self.url,), timeout=30) as rpc:
            await rpc.request("hardhat_mine", hex(FINAL_BLOCKS + 1))

    async def finish(self, seconds: float) -> Report:
        """Wait until every task is over, stop the nodes, and hold their ledgers against the chain."""
        await until(self.is_idle, seconds)
        for name in self.nodes:
            await self.stop(name)
        account = self.nodes["alice"].account
        config = ChainConfig(rpc_url=self.url, deployment=self.folder / "deployment.json")
        async with open_chain_reader(config, account) as chain:
            used = set()
            for key in await trio.to_thread.run_sync(self._nonces):
                if await chain.is_nonce_used(*key):
                    used.add(key)
            spent = self.escrow - await chain.escrow.balance(account)
        ledgers = [self.nodes[name].folder / "ledger.sqlite" for name in WORKERS]
        judge(
            self.report,
            self.nodes["alice"].folder / "ledger.sqlite",
            ledgers,
            lambda *key: key in used,
            spent,
        )
        return self.report

    def _nonces(self) -> set[tuple[bytes, int]]:
        with open_store(self.nodes["alice"].folder / "ledger.sqlite") as store:
            tasks = store.tasks(Role.REQUESTER, TaskState)
        return {(task.offer.message.requester, task.offer.message.nonce) for task in tasks}


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Look twice a second until it holds."""
    deadline = trio.current_time() + seconds
    while not await condition():
        assert trio.current_time() < deadline, f"waited {seconds} s in vain"
        await trio.sleep(0.5)


@asynccontextmanager
async def open_kill_network(folder: Path) -> AsyncIterator[KillNetwork]:
    """A chain, a bootstrap peer, and the nodes of PLANS, started, registered and funded."""
    await trio.Path(folder).mkdir()
    async with open_prover() as prover:
        image_id = prover.image_id
    async with open_supervisor(lambda source, name, fields: None) as supervisor:
        password, peers = folder / "password", folder / "bootstrap.peers"
        write_secret(password, secrets.token_hex(16).encode())
        url = await hardhat.start_chain(supervisor, folder)
        await hardhat.deploy(url, folder, image_id)
        bootstrap = folder / "bootstrap"
        await trio.Path(bootstrap).mkdir()
        listen: list[str | Path] = ["--listen", "/ip4/127.0.0.1/tcp/0", "--write-list", peers, "--json"]
        child = supervisor.start(
            "bootstrap",
            [*P2PNODE, "bootstrap", "--key", bootstrap / "node.key", *listen],
            log=bootstrap / "node.log",
            cwd=bootstrap,
            env=environment(PYTHONPATH=str(ROOT)),
        )
        await child.event("network.open")
        settings = {
            "log_format": "json",
            "api.enabled": "false",
            "network.listen": "/ip4/127.0.0.1/tcp/0",
            "network.bootstrap": str(peers),
            "network.mdns": "false",
            "chain.rpc_url": url,
            "chain.deployment": str(folder / "deployment.json"),
            "chain.poll_seconds": "0.25",
        }
        nodes = {}
        for plan in PLANS:
            changes = settings if plan.name == "alice" else {**settings, **QUICK}
            nodes[plan.name] = await make_node(plan, folder / plan.name, password, changes)
        amounts = {node.account: node.plan.joy for node in nodes.values()}
        await funds.fund(url, folder / "deployment.json", amounts)
        network = KillNetwork(url, folder, nodes)
        try:
            for name in nodes:
                await network.start(name)
            for name in WORKERS:
                await nodes[name].command("node", "register", "--stake", "20")
            await nodes["alice"].command("escrow", "deposit", "20")
            network.escrow = 20 * JOY
            await nodes["alice"].command("models", "publish", DIGITS, "--price", "0.001", "--name", "digits")
            yield network
        finally:
            await network.close()
