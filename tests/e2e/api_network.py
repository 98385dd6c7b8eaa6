"""A small real network whose requester serves its API; one for all tests of what stands on it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import trio
from anyio.from_thread import start_blocking_portal

from p2pnode.amounts import JOY
from p2pnode.devnet import Devnet, DevnetNode, NodePlan, Plan, open_devnet
from p2pnode.devnet.plan import worker
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover

_API = {"api.enabled": "true", "api.listen": "127.0.0.1:0"}
_BOB = worker("bob", capacity=8, price=JOY // 100, stake=100 * JOY)
PLAN = Plan(
    requester=NodePlan("alice", joy=50 * JOY, escrow=10 * JOY, settings={**_API, "requester.bid_wait": "2"}),
    owner=NodePlan("erin", joy=JOY),
    # A short wait for a batch to fill: the tests settle one task and wait for it.
    workers=(replace(_BOB, settings={**_BOB.settings, **_API, "worker.batch_seconds": "1"}),),
)
MODEL = "digits"


class Collector(ThreadingHTTPServer):
    """Takes what OpenTelemetry sends; `bodies` by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Collect)
        self.bodies: list[tuple[str, bytes]] = []


class _Collect(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True)
class ApiNetwork:
    """Where the API is, the network behind it, and what collects its traces."""

    devnet: Devnet
    collector: Collector

    @cached_property
    def url(self) -> str:
        """Where the requester serves."""
        return url_of(self.devnet.requester)

    @property
    def token_file(self) -> Path:
        return self.devnet.requester.folder / "api.token"

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the requester with the token."""
        options.setdefault("headers", self.headers)
        return httpx.request(method, self.url + path, timeout=120, trust_env=False, **options)

    def ask_worker(self, path: str) -> httpx.Response:
        """One request to the worker's own API."""
        (node,) = self.devnet.workers
        token = (node.folder / "api.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(url_of(node) + path, headers=headers, timeout=120, trust_env=False)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the requester logged under that name."""
        lines = self.devnet.requester.log.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["event"] == name]


def url_of(node: DevnetNode) -> str:
    """The URL that a node logged."""
    for line in node.log.read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "api.ready":
            return str(event["url"])
    raise AssertionError(f"{node.name} did not serve its API")


def digit() -> tuple[Any, int]:
    """An image of a digit as the model takes it, and the digit."""
    file, label = digit_images()[0]
    _, info = read_model(DIGITS)
    return next(iter(decode_tensors(read_inputs(file, info)).values())), label


@contextmanager
def open_api_network(folder: Path) -> Iterator[ApiNetwork]:
    """The network in a thread of its own; all of it has ended when the context has."""
    with _collecting() as collector, start_blocking_portal("trio") as portal:
        image_id = portal.call(_image_id)
        settings = {"api.trace_endpoint": f"http://127.0.0.1:{collector.server_port}"}
        requester = replace(PLAN.requester, settings={**PLAN.requester.settings, **settings})
        opened = portal.call(partial(_context, folder, image_id, replace(PLAN, requester=requester)))
        with portal.wrap_async_context_manager(opened) as devnet:
            portal.call(_publish, devnet)
            yield ApiNetwork(devnet, collector)


@contextmanager
def _collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        thread.join()
        collector.server_close()


async def _image_id() -> bytes:
    async with open_prover() as prover:
        return prover.image_id


async def _context(folder: Path, image_id: bytes, plan: Plan) -> Any:
    return open_devnet(folder, image_id, plan=plan)


async def _publish(devnet: Devnet) -> None:
    await devnet.owner.command("models", "publish", DIGITS, "--price", "0.002")
    with trio.fail_after(120):
        await devnet.until_model_known(MODEL)
