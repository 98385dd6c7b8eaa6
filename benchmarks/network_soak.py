"""Soaks the network layer: gossip, requests, blobs and a node that comes and goes, for as long as asked.

    python benchmarks/network_soak.py --seconds 3600

All nodes run in this process on loopback and know only the bootstrap peer. Prints one JSON object; exits 1
when a message between the steady nodes was lost, a request failed, or descriptors were left open.
"""

import argparse
import json
import os
import random
import resource
import statistics
import struct
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import trio

from p2pnode.errors import NetworkError
from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.ports import Gossip, StreamProtocol, Topic

STAMP = struct.Struct(">Qd")


@dataclass
class Figures:
    """What the soak counts."""

    sent: int = 0
    delivered: int = 0
    latencies: list[float] = field(default_factory=list)
    requests: int = 0
    blobs: int = 0
    restarts: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def settings(folder: Path, name: str, bootstrap: tuple[str, ...]) -> NetworkSettings:
    key = folder / name / "node.key"
    if not key.exists():
        create_key(key)
    return NetworkSettings(
        key_path=key,
        cache_dir=folder / name / "blobs",
        listen=("/ip4/127.0.0.1/tcp/0",),
        bootstrap=bootstrap,
    )


async def echo(peer: str, request: bytes) -> bytes:
    return request


async def receive(
    node: Network, figures: Figures, *, task_status: trio.TaskStatus = trio.TASK_STATUS_IGNORED
):
    async with node.subscribe(Topic.OFFERS) as inbox:
        task_status.started()
        gossip: Gossip
        async for gossip in inbox:
            _, sent = STAMP.unpack_from(gossip.data)
            figures.delivered += 1
            figures.latencies.append(time.monotonic() - sent)


async def publish(node: Network, rate: float, stop: trio.Event, figures: Figures) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        await node.publish(Topic.OFFERS, STAMP.pack(number, time.monotonic()) + os.urandom(1000))
        figures.sent += 1
        with trio.move_on_after(1 / rate):
            await stop.wait()


async def ask(nodes: list[Network], chance: random.Random, stop: trio.Event, figures: Figures) -> None:
    """A request of up to 256 KiB between two nodes, and now and then a blob."""
    while not stop.is_set():
        asking, asked = chance.sample(nodes, 2)
        body = os.urandom(chance.randrange(1 << 18))
        try:
            answer = await asking.request(
                asked.peer_id, StreamProtocol.TASK, body, timeout=20, max_response=1 << 18
            )
            figures.requests += 1
            if answer != body:
                figures.failures["wrong answer"] += 1
            if figures.requests % 20 == 0:
                digest = await asked.blobs.put(os.urandom(1 << 20))
                await asking.blobs.get(digest, max_size=1 << 20, peers=[asked.peer_id])
                figures.blobs += 1
        except NetworkError as error:
            figures.failures[str(error)[:200]] += 1
        with trio.move_on_after(0.5):
            await stop.wait()


async def come_and_go(folder: Path, address: tuple[str, ...], stop: trio.Event, figures: Figures) -> None:
    while not stop.is_set():
        async with open_network(settings(folder, "visitor", address)) as visitor:
            with trio.move_on_after(8):
                await visitor.publish(Topic.NODES, b"here")
                await stop.wait()
        figures.restarts += 1
        with trio.move_on_after(2):
            await stop.wait()


def open_files() -> set[str]:
    """What the open descriptors point at."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the listing's own descriptor
            continue
    return found


def resident() -> int:
    """Resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


async def soak(seconds: float, count: int, rate: float) -> dict[str, object]:
    figures, stop, before = Figures(), trio.Event(), open_files()
    memory: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_network(settings(folder, "boot", ())) as boot, AsyncExitStack() as stack:
            nodes = []
            for number in range(count):
                node = await stack.enter_async_context(
                    open_network(settings(folder, f"node{number}", boot.addresses))
                )
                node.serve(StreamProtocol.TASK, echo, max_request=1 << 18)
                nodes.append(node)
            for node in nodes:
                await node.wait_for_mesh(boot.peer_id, Topic.OFFERS, timeout=30)
            started, cpu = time.monotonic(), time.process_time()
            async with trio.open_nursery() as receivers:
                for node in nodes:
                    await receivers.start(receive, node, figures)
                async with trio.open_nursery() as senders:
                    for node in nodes:
                        senders.start_soon(publish, node, rate, stop, figures)
                    senders.start_soon(ask, nodes, random.Random(1), stop, figures)
                    senders.start_soon(come_and_go, folder, boot.addresses, stop, figures)
                    while time.monotonic() - started < seconds:
                        await trio.sleep(min(10.0, seconds))
                        memory.append(resident())
                    stop.set()
                await trio.sleep(3)
                receivers.cancel_scope.cancel()
            cpu, elapsed = time.process_time() - cpu, time.monotonic() - started
    expected = figures.sent * (count - 1)
    cuts = statistics.quantiles(figures.latencies, n=100)
    return {
        "seconds": round(elapsed),
        "nodes": count + 1,
        "published": figures.sent,
        "delivered_percent": round(100 * figures.delivered / expected, 3),
        "latency_ms_p50": round(1000 * cuts[49], 1),
        "latency_ms_p99": round(1000 * cuts[98], 1),
        "requests": figures.requests,
        "blobs": figures.blobs,
        "restarts": figures.restarts,
        "failures": dict(figures.failures),
        "cpu_percent": round(100 * cpu / elapsed, 1),
        "resident_mib": {"first": memory[0], "last": memory[-1]},
        "descriptors_left": sorted(open_files() - before),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--nodes", type=int, default=4, help="steady nodes beside the bootstrap peer")
    parser.add_argument("--rate", type=float, default=0.5, help="messages a second and node")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    result = trio.run(soak, options.seconds, options.nodes, options.rate)
    print(json.dumps(result, indent=2))
    clean = result["delivered_percent"] == 100 and not result["failures"] and not result["descriptors_left"]
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
