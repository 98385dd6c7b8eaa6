"""What gossip costs: CPU of a network of nodes in one process, for each second and each delivery.

    python -m benchmarks.gossip_cost [--nodes 20] [--seconds 20] [--rate 5]

The nodes are whole ones on loopback. Time stands still while any of them has something to do, so that a
busy machine gives the same figures: CPU seconds for a second of the network's time (`cores`: under 1 means
that one core can carry all nodes) and CPU milliseconds for each delivery of an offer of 1,000 bytes, with
heartbeats and copies in them.
"""

import argparse
import json
import os
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
import trio
import trio.testing

from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.ports import Topic

OFFER_BYTES = 1000
SETTLE_SECONDS = 10.0
QUIET_SECONDS = 0.005
"""How long nothing happens in real time before the clock moves on."""


async def count(node: Network, got: list[int], task_status: Any) -> None:
    async with node.subscribe(Topic.OFFERS) as inbox:
        task_status.started()
        async for _ in inbox:
            got[0] += 1


async def measure(nodes: int, seconds: int, rate: int) -> dict[str, float]:
    """Open `nodes`, let them find each other, publish `rate` offers a second and count."""
    chance, got = random.Random(1), [0]
    with tempfile.TemporaryDirectory() as name:
        async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
            opened: list[Network] = []
            for number in range(nodes):
                folder = Path(name) / str(number)
                create_key(folder / "node.key")
                settings = NetworkSettings(
                    key_path=folder / "node.key",
                    cache_dir=folder / "blobs",
                    state_dir=folder / "state",
                    listen=("/ip4/127.0.0.1/tcp/0",),
                    bootstrap=opened[0].addresses if opened else (),
                    # Every node is on this machine.
                    max_per_ip=63,
                )
                opened.append(await stack.enter_async_context(open_network(settings)))
                await nursery.start(count, opened[-1], got)
            await trio.sleep(SETTLE_SECONDS)
            idle = time.process_time()
            await trio.sleep(seconds)
            busy = time.process_time()
            for _ in range(seconds * rate):
                await chance.choice(opened).publish(Topic.OFFERS, os.urandom(OFFER_BYTES))
                await trio.sleep(1 / rate)
            await trio.sleep(1)
            spent = time.process_time() - busy
            nursery.cancel_scope.cancel()
    return {
        "nodes": nodes,
        "deliveries": got[0],
        "missing": seconds * rate * (nodes - 1) - got[0],
        "cores_idle": round((busy - idle) / seconds, 3),
        "cores": round(spent / (seconds + 1), 3),
        "ms_per_delivery": round(1000 * spent / got[0], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=5, help="offers a second, of all nodes together")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    clock = trio.testing.MockClock(autojump_threshold=QUIET_SECONDS)
    print(json.dumps(trio.run(measure, options.nodes, options.seconds, options.rate, clock=clock), indent=2))


if __name__ == "__main__":
    main()
