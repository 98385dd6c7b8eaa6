"""Floods a network of honest nodes with strangers' offers, and measures what that costs the honest ones.

    python -m benchmarks.flood [--offers 10000] [--seconds 10] [--kinds own_name,fresh_names,...]

Nodes are processes of their own on loopback, with libp2p, gossip and standing as they are. Each kind of
flood (benchmarks/flood_strangers.py) is measured between two calm times of half its length, in the first of
which the strangers are connected and quiet: how long honest offers take to every honest node, and whether
all arrive. A flood lasts until every offer is written, and `--seconds` at least. Prints JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import trio

from benchmarks import flood_node, flood_strangers
from benchmarks.flood_node import Honest, account_of, signed_offer
from benchmarks.flood_strangers import KINDS, Flood
from benchmarks.forked import Forked, fork
from p2pnode.network import create_key

NODES: Final = 4
RATE: Final = 10.0
"""Honest offers a second, of two nodes in turn."""
STRANGERS: Final = 20
SETTLE_SECONDS: Final = 3.0
ARRIVE_SECONDS: Final = 5.0
FLOOD_SECONDS: Final = 180.0
"""After which a flood that is not over has failed."""


@dataclass
class Process:
    """A forked node or the strangers, with the events that it said."""

    forked: Forked
    events: trio.MemoryReceiveChannel[dict[str, Any]]
    seen: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def send(self, **command: Any) -> None:
        await self.forked.stdin.send_all(json.dumps(command).encode() + b"\n")

    async def wait(self, event: str) -> dict[str, Any]:
        async for said in self.events:
            if said["event"] == event:
                return said
        raise RuntimeError(f"a process ended before it said {event!r}")


@dataclass
class Span:
    """What was measured over some seconds: milliseconds of each delivery of an honest offer; CPU seconds of
    the busiest node; strangers' offers that one node heard at most, that were written, strangers expelled."""

    seconds: float
    expected: int
    times: list[float]
    cpu: float
    heard: int
    sent: int
    expelled: int

    def join(self, other: "Span") -> "Span":
        """Both as if they were one."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Span(*(one + another for one, another in pairs))


class Field:
    """The honest nodes."""

    def __init__(self, folder: Path, nursery: trio.Nursery) -> None:
        self._folder = folder
        self._nursery = nursery
        self.nodes: list[Process] = []
        self.addresses: list[str] = []
        self.keys = [sha256(b"honest %d" % number).digest() for number in range(NODES)]

    async def open(self) -> None:
        """Start the nodes and wait until each is in the mesh of the others."""
        names = [create_key(self._folder / str(number) / "node.key") for number in range(NODES)]
        staked = [(name, account_of(key)) for name, key in zip(names, self.keys, strict=True)]
        for number, key in enumerate(self.keys):
            honest = Honest(self._folder / str(number), key, list(self.addresses), staked)
            process = await self.start(flood_node.serve, honest)
            self.nodes.append(process)
            self.addresses.append((await process.wait("ready"))["addresses"][0])
        for node in self.nodes:
            await node.send(do="mesh")
            await node.wait("mesh")

    async def start(self, main: Any, argument: object) -> Process:
        forked = await fork(main, argument)
        send, receive = trio.open_memory_channel[dict[str, Any]](1024)
        process = Process(forked, receive)
        self._nursery.start_soon(_listen, process, send)
        return process

    async def offer(self, offers: list[int]) -> None:
        """Send honest offers at their rate until cancelled."""
        started = trio.current_time()
        while True:
            await self.nodes[1 + offers[0] % 2].send(do="offer")
            offers[0] += 1
            await trio.sleep_until(started + offers[0] / RATE)

    async def measure(self, seconds: float, flood: Process | None = None) -> Span:
        """What honest offers take while `flood` floods, or in the calm."""
        before = [await self._count(node) for node in self.nodes]
        offers, sent = [0], {"sent": 0, "expelled": 0}
        for node in self.nodes:
            node.seen.clear()
        started = time.monotonic()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.offer, offers)
            if flood is None:
                await trio.sleep(seconds)
            else:
                with trio.fail_after(FLOOD_SECONDS):
                    await flood.send(until=started + seconds)
                    sent = await flood.wait("sent")
            lasted = time.monotonic() - started
            nursery.cancel_scope.cancel()
        expected = offers[0] * (NODES - 1)
        with trio.move_on_after(ARRIVE_SECONDS):
            while sum(len(node.seen) for node in self.nodes) < expected:  # noqa: ASYNC110
                await trio.sleep(0.1)
        after = [await self._count(node) for node in self.nodes]
        return Span(
            seconds=lasted,
            expected=expected,
            times=[milliseconds for node in self.nodes for milliseconds in node.seen],
            cpu=max(_grown(before, after, "cpu_seconds")),
            heard=max(_grown(before, after, "strangers")),
            sent=sent["sent"],
            expelled=sent["expelled"],
        )

    async def _count(self, node: Process) -> dict[str, Any]:
        await node.send(do="count")
        return await node.wait("count")


async def _listen(process: Process, send: trio.MemorySendChannel[dict[str, Any]]) -> None:
    buffer = b""
    # Whoever ends the process may close its output before its end is seen here.
    async with send:
        with suppress(trio.ClosedResourceError):
            while data := await process.forked.stdout.receive_some():
                *whole, buffer = (buffer + data).split(b"\n")
                for line in whole:
                    said = json.loads(line)
                    if said["event"] == "seen":
                        process.seen.append(said["milliseconds"])
                    elif said["event"] == "failed":
                        process.failures.append(said["reason"])
                    else:
                        send.send_nowait(said)


def _grown(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [now[name] - was[name] for was, now in zip(before, after, strict=True)]


def figures(kind: str, calm: Span, flood: Span) -> dict[str, Any]:
    """One flood beside the calm around it."""
    of_calm, of_flood = (statistics.quantiles(span.times, n=100) for span in (calm, flood))
    return {
        "kind": kind,
        "strangers_offers": flood.sent,
        "strangers_offers_heard": flood.heard,
        "strangers_expelled": flood.expelled,
        "seconds": round(flood.seconds, 1),
        "deliveries": len(flood.times),
        "missing": calm.expected - len(calm.times) + flood.expected - len(flood.times),
        "calm_ms_p50": round(of_calm[49], 1),
        "flood_ms_p50": round(of_flood[49], 1),
        "calm_ms_p99": round(of_calm[98], 1),
        "flood_ms_p99": round(of_flood[98], 1),
        "times_slower": round(of_flood[49] / of_calm[49], 2),
        "calm_cores": round(calm.cpu / calm.seconds, 3),
        "flood_cores": round(flood.cpu / flood.seconds, 3),
    }


async def measure(offers: int, seconds: float, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """For each kind of flood what honest offers take in it, and in the calm before and after."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        async with trio.open_nursery() as nursery:
            field_ = Field(Path(name), nursery)
            try:
                await field_.open()
                funded = field_.keys[0]
                good = signed_offer(funded, account_of(funded), 1 << 64)
                for kind in kinds:
                    flood = Flood(kind, STRANGERS, offers, field_.addresses, account_of(funded), good)
                    strangers = await field_.start(flood_strangers.serve, flood)
                    await strangers.wait("ready")
                    await trio.sleep(SETTLE_SECONDS)
                    before = await field_.measure(seconds / 2)
                    flooded = await field_.measure(seconds, strangers)
                    await strangers.forked.aclose()
                    await trio.sleep(SETTLE_SECONDS)
                    after = await field_.measure(seconds / 2)
                    found.append(figures(kind, before.join(after), flooded))
                if failures := [reason for node in field_.nodes for reason in node.failures]:
                    raise RuntimeError(f"honest nodes could not publish: {failures[:3]}")
            finally:
                for node in field_.nodes:
                    await node.forked.aclose()
                nursery.cancel_scope.cancel()
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--offers", type=int, default=10_000, help="strangers' offers of each kind")
    parser.add_argument("--seconds", type=float, default=10.0, help="of calm, and of flood at least")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    options = parser.parse_args()
    print(json.dumps(trio.run(measure, options.offers, options.seconds, options.kinds.split(",")), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
