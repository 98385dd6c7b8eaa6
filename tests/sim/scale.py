"""Many nodes in one process and in virtual time: the market under loss, delay, partition and liars."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import StreamProtocol, Topic
from p2pnode.protocol.receipt import check_receipt, parse_receipt
from tests.sim.driver import Driver, Node
from tests.sim.fake_compute import MODEL_DIGEST, double, pair

LIARS = 0.2
LOSS = 0.05
DELAY = (0.02, 0.2)
PARTITION_SECONDS = 20.0
TERMS = Terms(price_min=10, price_max=100, ramp_seconds=10, result_seconds=120, settle_seconds=900)
WORKER = WorkerSettings(capacity=8, strategy=CostPlus(10), batch_size=2, batch_seconds=10)
WANTS = RequesterSettings(bid_wait=2.0, answer_seconds=10.0, enough_bids=8)


@dataclass
class Scale:
    """What a run took: nodes, tasks, and how the tasks ended; traffic as each node hears it.

    `messages` and `bytes` are gossip heard, and requests with responses, by node and task; the heartbeats
    (`heartbeats` and `heartbeat_bytes`, by node and minute) are apart, since they do not depend on tasks.
    """

    nodes: int
    liars: int
    tasks: int
    settled: int
    failovers: int
    messages: float
    bytes: float
    heartbeats: float
    heartbeat_bytes: float


async def simulate(folder: Path, nodes: int, tasks: int, seed: int) -> Scale:
    """`tasks` from three requesters to `nodes` - 3 workers, a fifth of which lies; needs a MockClock."""
    rng = random.Random(seed)
    driver = Driver(folder)
    requesters = [f"requester{index}" for index in range(3)]
    workers = [f"worker{index}" for index in range(nodes - 3)]
    liars = rng.sample(workers, round(LIARS * len(workers)))
    opened: dict[str, Node] = {}
    async with trio.open_nursery() as nursery:
        for name in [*workers, *requesters]:
            sides: dict[str, Any] = {"requester": WANTS} if name in requesters else {"worker": WORKER}
            await nursery.start(_keep, driver, name, sides, opened)
        for name in liars:
            lie(driver, name, rng.randrange(3))
        await trio.sleep(30)
        driver.net.weather.rng, driver.net.weather.loss, driver.net.weather.delay = rng, LOSS, DELAY
        traffic, started = driver.net.traffic, trio.current_time()
        traffic.messages.clear()
        traffic.bytes.clear()
        ended = await _buy(driver, [opened[name] for name in requesters], tasks, rng)
        minutes = (trio.current_time() - started) / 60
        beats, beat_bytes = traffic.messages.pop(Topic.NODES), traffic.bytes.pop(Topic.NODES)
        failovers = sum(len(opened[name].named("task.failover")) for name in requesters)
        for name in liars:
            assert driver.world.balances[opened[name].chain.account] == 0, "no liar is paid"
        nursery.cancel_scope.cancel()
    return Scale(
        nodes=nodes,
        liars=len(liars),
        tasks=tasks,
        settled=ended,
        failovers=failovers,
        messages=traffic.messages.total() / nodes / tasks,
        bytes=traffic.bytes.total() / nodes / tasks,
        heartbeats=beats / nodes / minutes,
        heartbeat_bytes=beat_bytes / nodes / minutes,
    )


def lie(driver: Driver, name: str, kind: int) -> None:
    """Make a worker that bids for everything and keeps no promise."""
    if kind == 0:
        driver.net.silent.add(name)
        return
    answer = b"\xff nothing that decodes" if kind == 1 else b""

    async def handle(peer: str, data: bytes) -> bytes:
        return answer

    _, most = driver.net.buses[name].handlers[StreamProtocol.TASK]
    driver.net.buses[name].handlers[StreamProtocol.TASK] = (handle, most)


async def _buy(driver: Driver, requesters: list[Node], tasks: int, rng: random.Random) -> int:
    """Submit, with a partition in the middle; how many tasks were settled with the right answer."""
    settled = 0

    async def buy(node: Node, count: int) -> None:
        nonlocal settled
        assert node.requester is not None
        for index in range(count):
            tensors = pair(index, rng.random())
            [outcome] = await node.requester.submit(MODEL_DIGEST, [tensors], TERMS)
            assert outcome.state == TaskState.ANSWERED, outcome.reason
            assert outcome.output == double(tensors)
            [outcome] = await node.requester.settled([outcome.offer_hash])
            assert outcome.state == TaskState.SETTLED
            check_receipt(parse_receipt(node.requester.receipt(outcome.task_id) or ""))
            settled += 1

    async def part() -> None:
        await trio.sleep(30)
        names = list(driver.net.buses)
        driver.net.weather.sides = {name: rng.randrange(2) for name in names}
        await trio.sleep(PARTITION_SECONDS)
        driver.net.weather.sides = {}

    async with trio.open_nursery() as nursery:
        nursery.start_soon(part)
        for index, node in enumerate(requesters):
            share = len(range(index, tasks, len(requesters)))
            nursery.start_soon(buy, node, share)
    return settled


async def _keep(
    driver: Driver, name: str, sides: dict[str, Any], opened: dict[str, Node], task_status: Any
) -> None:
    async with driver.node(name, **sides) as node:
        opened[name] = node
        task_status.started()
        await trio.sleep_forever()
