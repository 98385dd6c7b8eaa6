"""Calls a second in a session, over libp2p between two processes, with both ledgers on the disk."""

import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trio

import p2pnode
from p2pnode.amounts import JOY
from p2pnode.devnet import Devnet, DevnetNode, NodePlan, Plan, open_devnet
from p2pnode.devnet.plan import worker
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover

CALLS = 2000
WARM_UP = 50
_SETTLED_SECONDS = 60
_PLAN = Plan(
    requester=NodePlan(
        "alice", joy=50 * JOY, escrow=20 * JOY, settings={"api.enabled": "true", "api.listen": "127.0.0.1:0"}
    ),
    owner=NodePlan("erin", joy=JOY),
    workers=(worker("bob", capacity=4, price=JOY // 100, stake=20 * JOY),),
)


@dataclass(frozen=True)
class Measured:
    """Milliseconds of calls by the client and of requests without a call; seconds of the processor that the
    two nodes took meanwhile, which other work on the machine does not change."""

    calls: list[float]
    idle: list[float]
    requester_seconds: float
    worker_seconds: float
    settlements: int


def measure_sessions() -> Mapping[str, float]:
    """What each of `CALLS` calls takes, waiting and computing, and how many there are in a second."""
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        found = trio.run(partial(_measure, Path(folder) / "net"))
    return {
        "calls": len(found.calls),
        "call p50 ms": round(statistics.median(found.calls), 2),
        "call p99 ms": round(statistics.quantiles(found.calls, n=100)[98], 2),
        "calls a second": round(1000 * len(found.calls) / sum(found.calls), 1),
        "of which HTTP p50 ms": round(statistics.median(found.idle), 2),
        "requester's processor ms a call": round(1000 * found.requester_seconds / len(found.calls), 2),
        "worker's processor ms a call": round(1000 * found.worker_seconds / len(found.calls), 2),
        "settlements": found.settlements,
    }


async def _measure(folder: Path) -> Measured:
    async with open_prover() as prover:
        image_id = prover.image_id
    async with open_devnet(folder, image_id, plan=_PLAN) as devnet:
        await devnet.owner.command("models", "publish", DIGITS, "--price", "0.0001")
        with trio.fail_after(120):
            await devnet.until_model_known("digits")
        return await _call(devnet)


async def _call(devnet: Devnet) -> Measured:
    _, info = read_model(DIGITS)
    images = [next(iter(decode_tensors(read_inputs(path, info)).values())) for path, _ in digit_images()]
    calls, idle = [], []
    requester, (worker_node,) = devnet.requester, devnet.workers
    async with p2pnode.Client(
        _url(requester.log), token_file=requester.folder / "api.token", progress=False
    ) as client:
        async with client.session("digits", price_per_call=0.001, most_calls=CALLS + WARM_UP) as session:
            for number in range(CALLS + WARM_UP):
                if number == WARM_UP:
                    before = [_processor_seconds(node) for node in (requester, worker_node)]
                started = trio.current_time()
                await session.infer(images[number % len(images)])
                calls.append(1000 * (trio.current_time() - started))
            after = [_processor_seconds(node) for node in (requester, worker_node)]
        for _ in range(WARM_UP):
            started = trio.current_time()
            await client.model("digits")
            idle.append(1000 * (trio.current_time() - started))
    # Both sides have told of the settlement by then.
    await trio.sleep(_SETTLED_SECONDS)
    spent = [end - start for start, end in zip(before, after, strict=True)]
    settlements = requester.log.read_text().count('"session.settled"')
    return Measured(calls[WARM_UP:], idle, spent[0], spent[1], settlements)


def _processor_seconds(node: DevnetNode) -> float:
    """User and system time of a node's process (proc(5)), which has its configuration on the command line."""
    ticks = 0
    for process in Path("/proc").iterdir():
        try:
            if os.fsencode(node.config) in (process / "cmdline").read_bytes().split(b"\0"):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def _url(log: Path) -> str:
    events: list[dict[str, Any]] = [
        json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")
    ]
    return next(str(event["url"]) for event in events if event.get("event") == "api.ready")
