"""One node of `network_soak`, in a process of its own: `serve`.

Reads commands on stdin and writes events on stdout, one JSON object a line. Commands:
`{"do": "publish", "id"}` and `{"do": "fetch", "peer", "digest"}`. Events: `ready` once it is in the mesh;
`seen` with the id of an offer that came and its milliseconds; every ten seconds `state`; `failed`.

Times are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import json
import os
import resource
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import structlog
import trio

from p2pnode.errors import NetworkError
from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.ports import Topic

STAMP = struct.Struct(">Qd")
OFFER_BYTES = 1000
STATE_SECONDS = 10.0


def say(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def sockets() -> int:
    """Sockets that this process has open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:  # the listing's own descriptor
            continue
    return found


def resident() -> float:
    """Resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


async def receive(node: Network, task_status: Any) -> None:
    async with node.subscribe(Topic.OFFERS) as inbox:
        task_status.started()
        async for gossip in inbox:
            number, sent = STAMP.unpack_from(gossip.data)
            # At once: what is in the pipe survives a kill.
            say("seen", id=number, milliseconds=round(1000 * (time.monotonic() - sent), 1))


async def report(node: Network) -> None:
    while True:
        await trio.sleep(STATE_SECONDS)
        tasks = trio.lowlevel.current_statistics().tasks_living
        counts = {"tasks": tasks, "sockets": sockets(), "peers": len(node.peers())}
        say("state", mib=resident(), cpu_seconds=time.process_time(), **counts)


async def lines() -> AsyncIterator[dict[str, Any]]:
    buffer = b""
    stdin = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    while data := await stdin.receive_some():
        *whole, buffer = (buffer + data).split(b"\n")
        for line in whole:
            yield json.loads(line)


async def obey(node: Network, command: dict[str, Any]) -> None:
    try:
        if command["do"] == "publish":
            data = STAMP.pack(command["id"], time.monotonic()) + os.urandom(OFFER_BYTES)
            await node.publish(Topic.OFFERS, data)
        else:
            await node.blobs.get(bytes.fromhex(command["digest"]), max_size=1 << 24, peers=[command["peer"]])
    except NetworkError as error:
        say("failed", what=command["do"], reason=str(error)[:300])


async def run(settings: NetworkSettings, blob: int) -> None:
    async with open_network(settings) as node, trio.open_nursery() as nursery:
        await nursery.start(receive, node)
        nursery.start_soon(report, node)
        digest = await node.blobs.put(os.urandom(blob)) if blob else b""
        while settings.bootstrap and not node._gossip._pubsub.router.mesh[Topic.OFFERS]:  # noqa: ASYNC110
            await trio.sleep(0.05)
        say("ready", peer=node.peer_id, addresses=node.addresses, digest=digest.hex())
        async for command in lines():
            nursery.start_soon(obey, node, command)
        nursery.cancel_scope.cancel()


def serve(folder: Path, bootstrap: Sequence[str], blob: int) -> None:
    """Run the node whose key and state are in `folder` until stdin ends; `blob` are bytes that it serves."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    key = folder / "node.key"
    if not key.exists():
        create_key(key)
    settings = NetworkSettings(
        key_path=key,
        cache_dir=folder / "blobs",
        state_dir=folder / "state",
        listen=("/ip4/127.0.0.1/tcp/0",),
        bootstrap=tuple(bootstrap),
        # Every node of the soak is on this machine.
        max_per_ip=63,
    )
    trio.run(run, settings, blob)
