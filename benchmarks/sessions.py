"""Calls a second in a session, over libp2p between two processes, with both ledgers on the disk."""

import json
import statistics
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import trio

import p2pnode
from p2pnode.amounts import JOY
from p2pnode.devnet import Devnet, NodePlan, Plan, open_devnet
from p2pnode.devnet.plan import worker
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover

CALLS = 1000
WARM_UP = 50
_SETTLED_SECONDS = 60
_PLAN = Plan(
    requester=NodePlan(
        "alice", joy=50 * JOY, escrow=20 * JOY, settings={"api.enabled": "true", "api.listen": "127.0.0.1:0"}
    ),
    owner=NodePlan("erin", joy=JOY),
    workers=(worker("bob", capacity=4, price=JOY // 100, stake=20 * JOY),),
)


def measure_sessions() -> Mapping[str, float]:
    """Milliseconds of each of `CALLS` calls by the client, of one without a call, and calls a second."""
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        calls, idle, settled = trio.run(partial(_measure, Path(folder) / "net"))
    return {
        "calls": CALLS,
        "call p50 ms": round(statistics.median(calls), 2),
        "call p99 ms": round(statistics.quantiles(calls, n=100)[98], 2),
        "calls a second": round(1000 * len(calls) / sum(calls), 1),
        "of which HTTP p50 ms": round(statistics.median(idle), 2),
        "settlements": settled,
    }


async def _measure(folder: Path) -> tuple[list[float], list[float], int]:
    async with open_prover() as prover:
        image_id = prover.image_id
    async with open_devnet(folder, image_id, plan=_PLAN) as devnet:
        await devnet.owner.command("models", "publish", DIGITS, "--price", "0.0001")
        with trio.fail_after(120):
            await devnet.until_model_known("digits")
        return await _call(devnet)


async def _call(devnet: Devnet) -> tuple[list[float], list[float], int]:
    _, info = read_model(DIGITS)
    images = [next(iter(decode_tensors(read_inputs(path, info)).values())) for path, _ in digit_images()]
    calls, idle = [], []
    requester = devnet.requester
    async with p2pnode.Client(
        _url(requester.log), token_file=requester.folder / "api.token", progress=False
    ) as client:
        async with client.session("digits", price_per_call=0.001, most_calls=CALLS + WARM_UP) as session:
            for number in range(CALLS + WARM_UP):
                started = trio.current_time()
                await session.infer(images[number % len(images)])
                calls.append(1000 * (trio.current_time() - started))
        for _ in range(WARM_UP):
            started = trio.current_time()
            await client.model("digits")
            idle.append(1000 * (trio.current_time() - started))
    # Both sides have told of the settlement by then.
    await trio.sleep(_SETTLED_SECONDS)
    return calls[WARM_UP:], idle, requester.log.read_text().count('"session.settled"')


def _url(log: Path) -> str:
    events: list[dict[str, Any]] = [
        json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")
    ]
    return next(str(event["url"]) for event in events if event.get("event") == "api.ready")
