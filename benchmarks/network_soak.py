"""Soaks the network: nodes in processes of their own, some of which are killed and come back all the time.

    python -m benchmarks.network_soak --seconds 3600

A steady node publishes an offer five times a second; every ten seconds another node is killed, half of the
times without a word, and started again with the same key. All nodes are on loopback and know the bootstrap
peer only. Prints one JSON object; exits 1 when an offer did not reach a node that was connected, the 99th
percentile of the delivery time is over a second, a node ended by itself, or memory, tasks or sockets of the
steady nodes grew.

A node counts as connected from two seconds after it joined the mesh until two seconds before it is killed:
an offer that a broken connection took along comes again by gossip's lists, which go out once a second.
"""

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from benchmarks.forked import Forked, fork
from benchmarks.soak_node import serve

JOINED, LEFT = 2.0, 2.0
DOWN_SECONDS = 3.0
STOP_SECONDS = 10.0
DRAIN_SECONDS = 30.0
"""How long offers that are on their way at the end may still take to count as delivered."""
P99_MILLISECONDS = 1000.0
MOST_SHOWN = 20
"""Missing offers that are told one by one."""
GROWTH_MIB, GROWTH_TASKS, GROWTH_SOCKETS = 16.0, 40.0, 8.0
"""How much a steady node may grow from the second quarter of the run to its last."""


@dataclass
class Node:
    """One node over all of its lives."""

    name: str
    folder: Path
    lives: list[list[float]] = field(default_factory=list)
    got: dict[int, float] = field(default_factory=dict)
    states: list[dict[str, float]] = field(default_factory=list)
    process: Forked | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    sending: trio.Lock = field(default_factory=trio.Lock)
    killed: bool = False
    cpu_seconds: list[float] = field(default_factory=list)
    heard_out: trio.Event = field(default_factory=trio.Event)

    def connected_at(self, when: float) -> bool:
        """Whether it was in the network well before and after `when`."""
        return any(start + JOINED <= when <= end - LEFT for start, end in self.lives)

    def life_at(self, when: float) -> dict[str, Any]:
        """How long before `when` this node had joined, and how long after it it was killed, if it was."""
        start, end = next((start, end) for start, end in self.lives if start <= when <= end)
        left = round(end - when, 1) if end < float("inf") else None
        return {"to": self.name, "seconds_in": round(when - start, 1), "seconds_left": left}


class Soak:
    """Starts the nodes and counts."""

    def __init__(self, folder: Path, nursery: trio.Nursery) -> None:
        self._folder = folder
        self._nursery = nursery
        self.nodes: list[Node] = []
        self.published: dict[int, tuple[float, Node]] = {}
        self.failures: dict[str, int] = defaultdict(int)
        self.restarts = 0

    async def start(self, node: Node, bootstrap: tuple[str, ...], blob: int = 0) -> None:
        """Start a node and return when it is in the mesh."""
        node.process = await fork(serve, node.folder, bootstrap, blob)
        node.killed = False
        node.heard_out = trio.Event()
        node.cpu_seconds.append(0.0)
        await self._nursery.start(self._listen, node, node.process)

    async def _listen(self, node: Node, process: Forked, task_status: Any) -> None:
        buffer, life = b"", [0.0, 0.0]
        while data := await process.stdout.receive_some():
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["event"] == "ready":
                    life[:] = time.monotonic(), float("inf")
                    node.lives.append(life)
                    node.ready = event
                    task_status.started()
                elif event["event"] == "seen":
                    node.got.setdefault(event["id"], event["milliseconds"])
                elif event["event"] == "state":
                    node.states.append(event)
                    node.cpu_seconds[-1] = event["cpu_seconds"]
                else:
                    self.failures[event["reason"]] += 1
        node.heard_out.set()
        life[1] = min(life[1], time.monotonic())
        if not node.killed:
            self.failures[f"{node.name} ended by itself"] += 1

    async def kill(self, node: Node, number: signal.Signals) -> None:
        """End a node; its offers stop counting from now on."""
        assert node.process is not None
        node.killed = True
        node.lives[-1][1] = time.monotonic()
        await node.process.end(STOP_SECONDS if number == signal.SIGTERM else 0)
        # What it said is in the pipe and counts, so the pipe is closed only when all of it was read.
        await node.heard_out.wait()
        await node.process.aclose()

    async def send(self, node: Node, command: dict[str, Any]) -> None:
        assert node.process is not None
        async with node.sending:
            await node.process.stdin.send_all(json.dumps(command).encode() + b"\n")

    async def publish(self, steady: list[Node], rate: float, chance: random.Random) -> None:
        started = trio.current_time()
        for number in range(1 << 62):
            node = chance.choice(steady)
            self.published[number] = (time.monotonic(), node)
            await self.send(node, {"do": "publish", "id": number})
            await trio.sleep_until(started + (number + 1) / rate)

    async def churn(self, nodes: list[Node], boot: Node, every: float, chance: random.Random) -> None:
        while nodes:
            await trio.sleep(every)
            node = chance.choice(nodes)
            await self.kill(node, chance.choice([signal.SIGKILL, signal.SIGTERM]))
            await trio.sleep(DOWN_SECONDS)
            await self.start(node, tuple(boot.ready["addresses"]))
            self.restarts += 1

    async def fetch(self, steady: list[Node], boot: Node, chance: random.Random) -> None:
        """Now and then a node fetches the blob that the bootstrap peer serves."""
        for node in steady:
            await trio.sleep(chance.uniform(5, 15))
            command = {"do": "fetch", "peer": boot.ready["peer"], "digest": boot.ready["digest"]}
            await self.send(node, command)

    def figures(self, steady: list[Node], started: float) -> dict[str, Any]:
        expected = 0
        missing: list[dict[str, Any]] = []
        times: list[float] = []
        for number, (when, publisher) in self.published.items():
            for node in self.nodes:
                if node is not publisher and node.connected_at(when):
                    expected += 1
                    if number in node.got:
                        times.append(node.got[number])
                    else:
                        missing.append({"id": number, "from": publisher.name, **node.life_at(when)})
        cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
        seconds = time.monotonic() - started
        return {
            "seconds": round(seconds),
            "cores_used": round(sum(sum(node.cpu_seconds) for node in self.nodes) / seconds, 2),
            "nodes": len(self.nodes),
            "restarts": self.restarts,
            "published": len(self.published),
            "expected": expected,
            "missing": len(missing),
            "first_missing": missing[:MOST_SHOWN],
            "latency_ms_p50": round(cuts[49], 1),
            "latency_ms_p99": round(cuts[98], 1),
            "latency_ms_max": max(times, default=0.0),
            "failures": dict(self.failures),
            "growth": {
                name: round(max((growth(node, name) for node in steady), default=0.0), 1)
                for name in ("mib", "tasks", "sockets")
            },
            "state": steady[0].states[-1] if steady and steady[0].states else {},
        }


def growth(node: Node, name: str) -> float:
    """Mean of the last quarter less that of the second one."""
    values = [state[name] for state in node.states]
    quarter = len(values) // 4
    if not quarter:
        return 0.0
    return statistics.mean(values[-quarter:]) - statistics.mean(values[quarter : 2 * quarter])


async def soak(seconds: float, count: int, rate: float, every: float) -> dict[str, Any]:
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        async with trio.open_nursery() as nursery:
            soak_ = Soak(Path(name), nursery)
            boot = Node("boot", Path(name) / "boot")
            await soak_.start(boot, (), blob=3 << 20)
            soak_.nodes = [Node(f"node{n}", Path(name) / f"node{n}") for n in range(count - 1)]
            for start in range(0, count - 1, 4):
                async with trio.open_nursery() as starting:
                    for node in soak_.nodes[start : start + 4]:
                        starting.start_soon(soak_.start, node, tuple(boot.ready["addresses"]))
            steady, others = soak_.nodes[: count // 2], soak_.nodes[count // 2 :]
            soak_.nodes.append(boot)
            started = time.monotonic()
            await trio.sleep(JOINED)
            with trio.move_on_after(seconds):
                async with trio.open_nursery() as load:
                    load.start_soon(soak_.publish, steady, rate, chance)
                    load.start_soon(soak_.churn, others, boot, every, chance)
                    load.start_soon(soak_.fetch, steady, boot, chance)
            figures = soak_.figures(steady, started)
            with trio.move_on_after(DRAIN_SECONDS):
                while figures["missing"]:
                    await trio.sleep(1)
                    figures = soak_.figures(steady, started)
            for node in soak_.nodes:
                await soak_.kill(node, signal.SIGKILL)
            nursery.cancel_scope.cancel()
    return figures


def clean(figures: dict[str, Any]) -> bool:
    """Whether the run is as it should be."""
    grown = figures["growth"]
    return (
        figures["published"] > 0
        and figures["expected"] > 0
        and not figures["missing"]
        and not figures["failures"]
        and figures["latency_ms_p99"] < P99_MILLISECONDS
        and grown["mib"] <= GROWTH_MIB
        and grown["tasks"] <= GROWTH_TASKS
        and grown["sockets"] <= GROWTH_SOCKETS
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--nodes", type=int, default=20, help="with the bootstrap peer")
    parser.add_argument("--rate", type=float, default=5.0, help="offers a second")
    parser.add_argument("--churn", type=float, default=10.0, help="seconds from one kill to the next")
    options = parser.parse_args()
    figures = trio.run(soak, options.seconds, options.nodes, options.rate, options.churn)
    print(json.dumps(figures, indent=2))
    return 0 if clean(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
