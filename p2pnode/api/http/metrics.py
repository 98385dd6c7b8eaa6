"""`/metrics` for Prometheus: what happens is counted as it does, what is, is read when somebody asks."""

from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from quart import Blueprint, Response
from quart.typing import ResponseReturnValue

from p2pnode.amounts import JOY
from p2pnode.background import open_background
from p2pnode.errors import ChainError
from p2pnode.market.rescues.state import OPEN as OPEN_RESCUES
from p2pnode.market.state import OPEN
from p2pnode.node import Node
from p2pnode.ports import Role

log = structlog.get_logger("p2pnode.api")

CHAIN_SECONDS: Final = 60
"""Between looks at the account on the chain."""
_ANSWER_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_PROOF_BUCKETS: Final = (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Metrics:
    """One registry for one node; an `events.Follower`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_NodeCollector(node))
        self._answers = Histogram(
            "p2pnode_answer_seconds",
            "From award to answer, as a requester saw it or a worker took.",
            ["role"],
            buckets=_ANSWER_BUCKETS,
            registry=self.registry,
        )
        self._proofs = Histogram(
            "p2pnode_proof_seconds", "Of one batch.", buckets=_PROOF_BUCKETS, registry=self.registry
        )
        self._gas = Counter("p2pnode_settlement_gas", "Gas of settlements sent.", registry=self.registry)
        self._money = {
            Role.WORKER: Counter(
                "p2pnode_earned_joy", "Prices of settled tasks, before the fee.", registry=self.registry
            ),
            Role.REQUESTER: Counter(
                "p2pnode_spent_joy", "Prices and model fees of settled tasks.", registry=self.registry
            ),
        }
        self._joy = Gauge("p2pnode_joy", "JOY by where it is.", ["where"], registry=self.registry)
        self._coins = Gauge("p2pnode_gas_coins", "Coins of the account, for gas.", registry=self.registry)
        self._reachable = Gauge(
            "p2pnode_chain_reachable", "1 when the chain answered the last look.", registry=self.registry
        )
        self._block = Gauge("p2pnode_chain_block", "Newest block seen.", registry=self.registry)

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Count one event."""
        seconds = fields.get("seconds")
        if isinstance(seconds, int | float):
            if name == "answer.received":
                self._answers.labels(Role.REQUESTER).observe(seconds)
            elif name == "answer.sent":
                self._answers.labels(Role.WORKER).observe(seconds)
            elif name == "proof.done":
                self._proofs.observe(seconds)
        gas = fields.get("gas")
        if name == "settlement.confirmed" and isinstance(gas, int):
            self._gas.inc(gas)
        price = fields.get("price")
        if name == "rescue.settled" and isinstance(price, int):
            self._money[Role.WORKER].inc(price / JOY)
        if name == "receipt.stored":
            self._count_money(str(fields.get("task_id", "")))

    async def watch_chain(self) -> None:
        """Keep what the chain knows of the account current, until cancelled."""
        while True:
            try:
                await self._look()
                self._reachable.set(1)
            except ChainError as error:
                self._reachable.set(0)
                log.warning("metrics.chain", reason=str(error))
            await trio.sleep(CHAIN_SECONDS)

    async def _look(self) -> None:
        chain = self._node.chain
        self._block.set(await chain.block_number())
        self._coins.set(await chain.gas_balance(chain.account) / 10**18)
        self._joy.labels("account").set(await chain.token.balance(chain.account) / JOY)
        self._joy.labels("escrow").set(await chain.escrow.free(chain.account) / JOY)
        node = await chain.node(chain.account)
        self._joy.labels("stake").set(node.stake / JOY if node is not None else 0)

    def _count_money(self, task_id: str) -> None:
        for role, counter in self._money.items():
            task = self._node.store.task_by_id(role, bytes.fromhex(task_id))
            if task is not None and task.award is not None:
                award = task.award.message
                fee = award.model_fee if role == Role.REQUESTER else 0
                counter.inc((award.price + fee) / JOY)


class _NodeCollector(Collector):
    """What is read from the node at each scrape."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        node = self._node
        yield GaugeMetricFamily("p2pnode_peers", "Peers connected.", len(node.network.peers()))
        workers = node.presence.nodes()
        yield GaugeMetricFamily("p2pnode_workers_seen", "Workers that gave a sign of life.", len(workers))
        places = sum(max(0, seen.heartbeat.capacity - seen.heartbeat.load) for seen in workers)
        yield GaugeMetricFamily("p2pnode_free_places", "Free places of those workers.", places)
        tasks = GaugeMetricFamily("p2pnode_open_tasks", "Open tasks.", labels=["role", "state"])
        for role, states in OPEN.items():
            held = Tally(task.state for task in node.store.tasks(role, states))
            for state in states:
                tasks.add_metric([role.value, state.value], held[state.value])
        yield tasks
        rescues = GaugeMetricFamily("p2pnode_open_rescues", "Open rescues.", labels=["state"])
        taken = Tally(rescue.state for rescue in node.store.rescues(Role.WORKER, OPEN_RESCUES))
        for held_in in OPEN_RESCUES:
            rescues.add_metric([held_in.value], taken[held_in.value])
        yield rescues
        events = CounterMetricFamily("p2pnode_events", "Events since the start.", labels=["event"])
        for name, count in node.history.counts.items():
            events.add_metric([name], count)
        yield events


@asynccontextmanager
async def open_metrics(node: Node) -> AsyncIterator[Metrics]:
    """Counts until the context ends."""
    metrics = Metrics(node)
    with node.events.followed_by(metrics):
        async with open_background(metrics.watch_chain):
            yield metrics


def metrics_routes(metrics: Metrics) -> Blueprint:
    """The page that Prometheus reads."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    async def page() -> ResponseReturnValue:
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    return routes
