"""The node: the one place where the parts meet. Opens them in order, closes them in reverse."""

import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import trio

from p2pnode.background import open_background
from p2pnode.chain import ChainClient, open_chain
from p2pnode.chain.jsc import UNIT
from p2pnode.config import Config
from p2pnode.control import (
    ControlHandlers,
    Emit,
    PublishRequest,
    SubmitRequest,
    TaskReport,
    open_control_server,
)
from p2pnode.errors import ConfigError, MarketError, ProverError
from p2pnode.events import Events
from p2pnode.identity import load_account
from p2pnode.inference import open_executor
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, open_presence
from p2pnode.market.requester import Requester, open_requester
from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.state import OPEN
from p2pnode.market.worker import Worker, open_worker
from p2pnode.network import Network, NetworkSettings, open_network
from p2pnode.ports import Prover, Role, Store
from p2pnode.protocol.messages import ModelAnnouncement
from p2pnode.proving import open_prover
from p2pnode.relay import Relayer, RelayOffer, Relays
from p2pnode.store import open_store
from p2pnode.submissions import Submissions

MAX_MODEL_BYTES = 64 << 20

log = structlog.get_logger("p2pnode.app")


class SystemClock:
    """Implements `ports.Clock` with the machine's clock."""

    def now(self) -> int:
        """Seconds since the epoch, UTC."""
        return int(time.time())

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await trio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Node:
    """An open node. `worker` or `requester` is None where the configuration has it off."""

    config: Config
    network: Network
    chain: ChainClient
    store: Store
    events: Events
    presence: Presence
    worker: Worker | None
    requester: Requester | None
    relays: Relays


@asynccontextmanager
async def open_node(config: Config, password: str) -> AsyncIterator[Node]:
    """Open every part that `config` asks for; leaving the context closes all of them.

    Raises ConfigError, ChainError, NetworkError, ProverError or StoreError, and then nothing is left open.
    """
    if not (config.worker.enabled or config.requester.enabled or config.relayer.enabled):
        raise ConfigError("worker, requester and relayer have enabled = false; set one of them to true")
    account = await trio.to_thread.run_sync(load_account, config.keystore, password)
    events = Events()
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(config.ledger))
        chain = await stack.enter_async_context(open_chain(config.chain, account, store))
        prover = await _prover(stack, config)
        network = await stack.enter_async_context(open_network(_network_settings(config)))
        context = Context(
            bus=network.bus,
            blobs=network.blobs,
            chain=chain,
            store=store,
            clock=SystemClock(),
            private_key=account.key,
            on_event=events,
            random_bytes=os.urandom,
        )
        worker = requester = None
        if config.worker.enabled:
            assert prover is not None
            executor = await stack.enter_async_context(open_executor())
            settings = WorkerSettings(
                capacity=config.worker.capacity,
                price=config.worker.price,
                batch_size=config.worker.batch_size,
                batch_seconds=config.worker.batch_seconds,
                max_model_size=MAX_MODEL_BYTES,
                min_bond=config.worker.min_bond,
            )
            jobs = config.jobs
            jobs.mkdir(mode=0o700, parents=True, exist_ok=True)
            worker = await stack.enter_async_context(open_worker(context, executor, prover, settings, jobs))
        own_state = worker.own_state if worker is not None else None
        presence = await stack.enter_async_context(open_presence(context, own_state))
        if config.requester.enabled:
            # A silent worker gets a third of the time, so that two others can still answer.
            waits = RequesterSettings(
                bid_wait=config.requester.bid_wait,
                answer_seconds=config.requester.result_seconds / 3,
                report=config.requester.report,
            )
            requester = await stack.enter_async_context(open_requester(context, presence, waits, prover))
        relays = await _open_relays(stack, config, network, chain)
        yield Node(config, network, chain, store, events, presence, worker, requester, relays)


async def _open_relays(stack: AsyncExitStack, config: Config, network: Network, chain: ChainClient) -> Relays:
    """Hear of relayers, and be one where the configuration says so."""
    pool, clock = chain.deployment.addresses["JSC"], SystemClock()
    relays = Relays(network.bus, clock, chain.chain_id, pool)
    tasks = [relays.run]
    if config.relayer.enabled:
        offer = RelayOffer(chain.chain_id, pool, chain.account, -(-config.relayer.fee // UNIT))
        tasks.append(Relayer(network.bus, clock, chain.jsc, offer).run)
    await stack.enter_async_context(open_background(*tasks))
    return relays


async def _prover(stack: AsyncExitStack, config: Config) -> Prover | None:
    """A worker needs a prover; a requester uses one, if it is there, to check the seals it paid for."""
    try:
        return await stack.enter_async_context(
            open_prover(binary=config.prover.binary, seconds=config.prover.timeout_seconds)
        )
    except ProverError as error:
        if config.worker.enabled:
            raise
        log.warning("prover.missing", reason=str(error), effect="seals are left to the chain to verify")
        return None


def _network_settings(config: Config) -> NetworkSettings:
    return NetworkSettings(
        key_path=config.node_key,
        cache_dir=config.blobs,
        listen=config.network.listen,
        announce=config.network.announce,
        bootstrap=config.network.bootstrap,
        mdns=config.network.mdns,
        state_dir=config.network_state,
        builtin_bootstrap=config.network.builtin_bootstrap,
        psk_path=config.network.psk_file,
        allow=config.network.allow,
        deny=config.network.deny,
        max_connections=config.network.max_connections,
        max_per_ip=config.network.max_per_ip,
        blob_quota=config.network.blob_quota_mib << 20,
    )


async def run_node(config: Config, password: str) -> None:
    """Run a node and answer on its control socket until cancelled or told to shut down."""
    async with open_node(config, password) as node, trio.open_nursery() as nursery:
        handlers = _Handlers(node, nursery)
        async with open_control_server(config.control_socket, handlers.table()):
            log.info(
                "node.ready",
                peer=node.network.peer_id,
                account="0x" + node.chain.account.hex(),
                addresses=list(node.network.addresses),
                worker=config.worker.enabled,
                requester=config.requester.enabled,
            )
            await handlers.stopped.wait()
        nursery.cancel_scope.cancel()


class _Handlers:
    """What the node answers on its control socket."""

    def __init__(self, node: Node, nursery: trio.Nursery) -> None:
        self._node = node
        self.stopped = trio.Event()
        wants = node.config.requester
        terms = Terms(
            price_min=0,
            price_max=0,
            result_seconds=wants.result_seconds,
            settle_seconds=wants.settle_seconds,
            min_stake=wants.min_stake,
        )
        self._submissions = (
            Submissions(node.requester, node.events, nursery, terms) if node.requester is not None else None
        )

    def table(self) -> ControlHandlers:
        """The handlers by name."""
        return ControlHandlers(
            submit=self._submit,
            model=self._model,
            publish=self._publish,
            status=self._status,
            receipts=self._receipts,
            receipt=self._receipt,
            relayers=self._relayers,
            relay=self._node.relays.relay,
            shutdown=self._shutdown,
        )

    async def _submit(self, request: SubmitRequest, emit: Emit) -> Sequence[TaskReport]:
        if self._submissions is None:
            raise MarketError("requester.enabled is false on this node; set it to true to submit tasks")
        return await self._submissions.submit(request, emit)

    async def _model(self, digest: bytes) -> Path:
        holders = self._node.presence.holders(digest)
        return await self._node.network.blobs.get(digest, max_size=MAX_MODEL_BYTES, peers=holders)

    async def _publish(self, request: PublishRequest) -> bytes:
        size = (await trio.Path(request.path).stat()).st_size
        if size > MAX_MODEL_BYTES:
            raise MarketError(f"{request.path} has {size} bytes; a model has at most {MAX_MODEL_BYTES}")
        data = await trio.Path(request.path).read_bytes()
        digest = await self._node.network.blobs.put(data)
        await self._node.presence.announce(
            ModelAnnouncement(digest, len(data), self._node.chain.account, request.price, request.name)
        )
        self._node.events("model.announced", model=digest.hex(), size=len(data), name=request.name)
        return digest

    async def _status(self) -> Mapping[str, Any]:
        node = self._node
        return {
            "peer_id": node.network.peer_id,
            "account": "0x" + node.chain.account.hex(),
            "listen": list(node.network.addresses),
            "peers": list(node.network.peers()),
            "joining": node.network.joining(),
            "reachability": node.network.reachability.words(),
            "nodes": [
                {"peer": seen.peer, "capacity": seen.heartbeat.capacity, "load": seen.heartbeat.load}
                for seen in node.presence.nodes()
            ],
            "models": [seen.announcement.name for seen in node.presence.models()],
            "open_tasks": {
                role.value: Counter(task.state for task in node.store.tasks(role, OPEN[role]))
                for role in Role
            },
        }

    async def _receipts(self) -> Sequence[bytes]:
        return self._node.store.receipts()

    async def _receipt(self, task_id: bytes) -> str | None:
        return self._node.store.receipt(task_id)

    async def _relayers(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"peer": seen.peer, "account": "0x" + seen.offer.account.hex(), "fee": str(seen.offer.fee)}
            for seen in self._node.relays.offers()
        ]

    async def _shutdown(self) -> None:
        self.stopped.set()
