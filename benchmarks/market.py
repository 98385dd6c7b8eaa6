"""How long a requester waits: for an award, and for an answer."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from p2pnode.devnet import DEFAULT_PLAN, Plan, open_devnet
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover

ROUNDS = 8
RAW_RUNS = 2000


def measure_market() -> Mapping[str, float]:
    """Milliseconds over `ROUNDS` submissions of sixteen tasks; nothing is proved meanwhile."""
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        waits, answers = trio.run(partial(_submissions, Path(folder) / "net"))
    raw = _raw_milliseconds()
    return {
        "tasks": len(waits),
        "offer to award p50 ms": _quantile(waits, 0.50),
        "offer to award p99 ms": _quantile(waits, 0.99),
        "of which waiting for bids ms": 1000 * float(_plan().requester.settings["requester.bid_wait"]),
        "award to answer p50 ms": _quantile(answers, 0.50),
        "award to answer p99 ms": _quantile(answers, 0.99),
        "raw ONNX Runtime p50 ms": raw,
        "answer over raw p50 ms": round(_quantile(answers, 0.50) - raw, 3),
    }


def _plan() -> Plan:
    """The demo's network, with workers that hold everything and leave the proof for later."""
    later = {"worker.capacity": "1024", "worker.batch_size": "256", "worker.batch_seconds": "86400"}
    workers = tuple(replace(one, settings={**one.settings, **later}) for one in DEFAULT_PLAN.workers)
    requester = replace(DEFAULT_PLAN.requester, settings={"requester.bid_wait": "0.5"})
    return replace(DEFAULT_PLAN, requester=requester, workers=workers)


async def _submissions(folder: Path) -> tuple[list[float], list[float]]:
    offered: dict[str, float] = {}
    waits: list[float] = []
    answers: list[float] = []

    def on_event(source: str, name: str, fields: Mapping[str, Any]) -> None:
        offer, now = str(fields.get("offer")), trio.current_time()
        if name == "offer.published":
            offered.setdefault(offer, now)
        elif name == "award.sent":
            waits.append(1000 * (now - offered[offer]))
        elif name == "answer.received":
            answers.append(1000 * float(fields["seconds"]))

    async with open_prover() as prover:
        image_id = prover.image_id
    async with open_devnet(folder, image_id, plan=_plan(), on_event=on_event) as devnet:
        found = await devnet.owner.command(
            "models", "publish", DIGITS, "--price", "0.001", "--name", "digits"
        )
        await devnet.until_model_known("digits")
        for _ in range(ROUNDS):
            await devnet.requester.command(
                "submit", str(found["cid"]), IMAGES, "--price-min", "0.02", "--price-max", "0.02",
                "--wait", "answered",
            )  # fmt: skip
    return waits, answers


def _raw_milliseconds() -> float:
    """One inference of the same model without anything around it."""
    # After p2pnode.inference, which switches the library's telemetry off.
    import onnxruntime  # type: ignore[import-untyped]

    session = onnxruntime.InferenceSession(DIGITS, providers=["CPUExecutionProvider"])
    info = read_model(DIGITS)[1]
    inputs = [decode_tensors(read_inputs(path, info)) for path, _ in digit_images()]
    times = []
    for index in range(RAW_RUNS):
        start = time.perf_counter()
        session.run(None, dict(inputs[index % len(inputs)]))
        times.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(times), 4)


def _quantile(values: list[float], share: float) -> float:
    return round(statistics.quantiles(values, n=100, method="inclusive")[int(100 * share) - 1], 2)
