"""The node: the one place where the parts meet. Opens them in order, closes them in reverse."""

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
import trio

from p2pnode.amounts import JSC_UNIT
from p2pnode.background import open_background
from p2pnode.chain import ChainClient, open_chain
from p2pnode.clusters import cluster_of
from p2pnode.config import Config
from p2pnode.config_market import RequesterConfig
from p2pnode.control import ControlHandlers, open_control_server
from p2pnode.errors import ChainError, ConfigError, ProverError
from p2pnode.events import Events
from p2pnode.handlers import Handlers
from p2pnode.history import History
from p2pnode.identity import Account, load_account
from p2pnode.inference import open_executor
from p2pnode.jsc.keys import Address
from p2pnode.lists import CREDIT, DIRECT
from p2pnode.market.context import Context
from p2pnode.market.presence import open_presence
from p2pnode.market.requester import open_requester
from p2pnode.market.selection import Weights
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import OPEN
from p2pnode.market.worker import open_worker
from p2pnode.network import Network, NetworkSettings, RelayTerms, open_network
from p2pnode.network.sealing import NodeSeals
from p2pnode.node import MAX_MODEL_BYTES, Node
from p2pnode.offer_board import open_offer_board
from p2pnode.payout import PrivatePayout
from p2pnode.ports import Prover, Role, Store
from p2pnode.pricing import build_strategy
from p2pnode.protocol.eip712 import Domain
from p2pnode.proving import open_prover
from p2pnode.relay import Relayer, RelayOffer, Relays
from p2pnode.standing import ChainStanding
from p2pnode.store import open_store
from p2pnode.totals import Totals

_CHAIN_RETRY_SECONDS = 10

log = structlog.get_logger("p2pnode.app")


class SystemClock:
    """Implements `ports.Clock` with the machine's clock."""

    def now(self) -> int:
        """Seconds since the epoch, UTC."""
        return int(time.time())

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await trio.sleep(seconds)


@asynccontextmanager
async def open_node(config: Config, password: str) -> AsyncIterator[Node]:
    """Open every part that `config` asks for; leaving the context closes all of them.

    Raises ConfigError, ChainError, NetworkError, ProverError or StoreError, and then nothing is left open.
    """
    if not (config.worker.enabled or config.requester.enabled or config.relayer.enabled):
        raise ConfigError("worker, requester and relayer have enabled = false; set one of them to true")
    account = await trio.to_thread.run_sync(load_account, config.keystore, password)
    events, history = Events(), History()
    async with AsyncExitStack() as stack:
        stack.enter_context(events.followed_by(history))
        store = stack.enter_context(open_store(config.ledger))
        chain = await _chain(stack, config, account, store)
        prover = await _prover(stack, config)
        standing = ChainStanding(Domain(chain.chain_id, chain.settlement_address))
        await stack.enter_async_context(open_background(partial(_follow, standing, chain)))
        network = await stack.enter_async_context(open_network(_network_settings(config), standing))
        context = Context(
            bus=network.bus,
            blobs=network.blobs,
            chain=chain,
            store=store,
            clock=SystemClock(),
            private_key=account.key,
            on_event=events,
            random_bytes=os.urandom,
            seals=NodeSeals(config.node_key),
        )
        worker = requester = None
        if config.worker.enabled:
            assert prover is not None
            executor = await stack.enter_async_context(open_executor())
            settings = WorkerSettings(
                capacity=config.worker.capacity,
                strategy=build_strategy(config.worker),
                most_failures=config.worker.most_failures,
                batch_size=config.worker.batch_size,
                batch_seconds=config.worker.batch_seconds,
                max_model_size=MAX_MODEL_BYTES,
                min_bond=config.worker.min_bond,
                credit=config.worker.payout != DIRECT,
                call_price=config.worker.call_price,
                rescue=config.worker.rescue,
            )
            jobs = config.jobs
            jobs.mkdir(mode=0o700, parents=True, exist_ok=True)
            worker = await stack.enter_async_context(open_worker(context, executor, prover, settings, jobs))
        totals = Totals(store)
        stack.enter_context(events.followed_by(totals))
        board = await stack.enter_async_context(open_offer_board(network.bus, context.domain, context.clock))
        own_state = worker.own_state if worker is not None else None
        presence = await stack.enter_async_context(open_presence(context, own_state))
        if config.requester.enabled:
            # A silent worker gets a third of the time, so that two others can still answer.
            waits = RequesterSettings(
                bid_wait=config.requester.bid_wait,
                answer_seconds=config.requester.result_seconds / 3,
                weights=_weights(config.requester),
                report=config.requester.report,
                publish_input=config.requester.publish_input,
            )
            requester = await stack.enter_async_context(open_requester(context, presence, waits, prover))
        if config.worker.enabled and config.worker.payout not in (DIRECT, CREDIT):
            payout = PrivatePayout(chain, Address.parse(config.worker.payout))
            stack.enter_context(events.followed_by(payout.follow))
            await stack.enter_async_context(open_background(payout.run))
        relays = await _open_relays(stack, config, network, chain)
        yield Node(
            config=config,
            network=network,
            chain=chain,
            store=store,
            events=events,
            history=history,
            board=board,
            totals=totals,
            prover=prover,
            presence=presence,
            worker=worker,
            requester=requester,
            relays=relays,
        )


async def _open_relays(stack: AsyncExitStack, config: Config, network: Network, chain: ChainClient) -> Relays:
    """Hear of relayers, and be one where the configuration says so."""
    pool, clock = chain.deployment.addresses["JSC"], SystemClock()
    relays = Relays(network.bus, clock, chain.chain_id, pool)
    tasks = [relays.run]
    if config.relayer.enabled:
        offer = RelayOffer(chain.chain_id, pool, chain.account, -(-config.relayer.fee // JSC_UNIT))
        tasks.append(Relayer(network.bus, clock, chain.jsc, offer).run)
    await stack.enter_async_context(open_background(*tasks))
    return relays


async def _chain(stack: AsyncExitStack, config: Config, account: Account, store: Store) -> ChainClient:
    """The chain; a node that holds open tasks waits for it as long as it takes, since money hangs on them."""
    while True:
        try:
            return await stack.enter_async_context(open_chain(config.chain, account, store))
        except ChainError as error:
            if not any(store.tasks(role, OPEN[role]) for role in Role):
                raise
            log.warning("chain.unreachable", reason=str(error), effect="open tasks wait for it")
            await trio.sleep(_CHAIN_RETRY_SECONDS)


async def _follow(standing: ChainStanding, chain: ChainClient) -> None:
    """Follow stakes and escrows; without the chain everyone's standing stays what it was."""
    while True:
        try:
            await standing.follow(chain)
        except ChainError as error:
            log.warning("chain.unreachable", reason=str(error), effect="standing is not followed")
        await trio.sleep(_CHAIN_RETRY_SECONDS)


async def _prover(stack: AsyncExitStack, config: Config) -> Prover | None:
    """A worker needs a prover; a requester uses one, if it is there, to check the seals it paid for."""
    try:
        return await stack.enter_async_context(
            open_prover(
                binary=config.prover.binary,
                seconds=config.prover.timeout_seconds,
                cluster=cluster_of(config.prover) if config.worker.enabled else None,
            )
        )
    except ProverError as error:
        if config.worker.enabled:
            raise
        log.warning("prover.missing", reason=str(error), effect="seals are left to the chain to verify")
        return None


def _weights(config: RequesterConfig) -> Weights:
    return Weights(
        price=config.weight_price,
        free_capacity=config.weight_free,
        load=config.weight_load,
        stake=config.weight_stake,
        record=config.weight_record,
        latency=config.weight_latency,
    )


def _network_settings(config: Config) -> NetworkSettings:
    return NetworkSettings(
        key_path=config.node_key,
        cache_dir=config.blobs,
        listen=config.network.listen,
        announce=config.network.announce,
        bootstrap=config.network.bootstrap,
        mdns=config.network.mdns,
        upnp=config.network.upnp,
        state_dir=config.network_state,
        builtin_bootstrap=config.network.builtin_bootstrap,
        psk_path=config.network.psk_file,
        allow=config.network.allow,
        deny=config.network.deny,
        max_connections=config.network.max_connections,
        max_per_ip=config.network.max_per_ip,
        blob_quota=config.network.blob_quota_mib << 20,
        relay=_relay_terms(config),
    )


def _relay_terms(config: Config) -> RelayTerms | None:
    given = config.network
    if not given.relay:
        return None
    return RelayTerms(given.relay_reservations, bytes=given.relay_mib << 20, seconds=given.relay_seconds)


Surface = Callable[[Node, ControlHandlers], AbstractAsyncContextManager[object]]
"""Something else that serves the running node to programs or people, opened beside the control socket."""


async def run_node(config: Config, password: str, surfaces: Sequence[Surface] = ()) -> None:
    """Run a node and answer on its control socket until cancelled or told to shut down."""
    async with open_node(config, password) as node, trio.open_nursery() as nursery:
        handlers = Handlers(node, nursery)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(open_control_server(config.control_socket, handlers.table()))
            for surface in surfaces:
                await stack.enter_async_context(surface(node, handlers.table()))
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
