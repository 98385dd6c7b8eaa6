"""alice, bob and carol: whole market nodes on a network, a chain and a prover that live in memory.

The market and the ledger are the real ones. What stands in for the rest keeps the rules that the market
relies on.
"""

import hashlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trio
import trio.testing
from eth_keys.datatypes import PrivateKey

from p2pnode.background import open_background
from p2pnode.errors import ChainError
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, open_presence
from p2pnode.market.requester import Requester, open_requester
from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.worker import Worker, open_worker
from p2pnode.ports import ModelListing, NodeRecord
from p2pnode.store import SqliteStore
from p2pnode.store.connection import Ledger
from p2pnode.store.schema import connect
from tests.sim.fake_chain import MODEL_OWNER, World
from tests.sim.fake_client import FakeChain
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_compute import MODEL, MODEL_DIGEST, FakeExecutor, FakeProver
from tests.sim.fake_ethereum import FakeEthereum
from tests.sim.fake_network import FakeBlobs, FakeBus, FakeNet
from tests.sim.fake_seals import FakeSeals

MODEL_FEE = 5
TERMS = Terms(price_min=10, price_max=100, ramp_seconds=10, result_seconds=60, settle_seconds=600)


def account_of(name: str) -> bytes:
    """Address of the node with this name."""
    return PrivateKey(hashlib.sha256(name.encode()).digest()).public_key.to_canonical_address()


@dataclass
class Node:
    """One node of the driver, closed and reopened with `Driver.node`."""

    name: str
    context: Context
    chain: FakeChain
    store: SqliteStore
    prover: FakeProver
    executor: FakeExecutor
    events: list[tuple[str, dict[str, Any]]]
    presence: Presence
    requester: Requester | None = None
    worker: Worker | None = None

    def named(self, name: str) -> list[dict[str, Any]]:
        """Fields of the events with this name."""
        return [fields for found, fields in self.events if found == name]


async def _resume(chain: FakeChain) -> None:
    """As a node with open tasks does: wait for the chain."""
    while True:
        try:
            return await chain.sender.resume()
        except ChainError:
            await trio.sleep(5)


class Driver:
    """Opens nodes on one network and one chain."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = FakeNet()
        self.world = World()
        self.ethereum = FakeEthereum(self.world)
        self.world.listings[MODEL_DIGEST] = ModelListing(MODEL_DIGEST, MODEL_OWNER, MODEL_FEE, "", False)
        (folder / MODEL_DIGEST.hex()).write_bytes(MODEL)

    @asynccontextmanager
    async def node(
        self,
        name: str,
        *,
        worker: WorkerSettings | None = None,
        requester: RequesterSettings | None = None,
        ledger: Callable[[sqlite3.Connection], Ledger] = Ledger,
        proof_seconds: float = 20,
    ) -> AsyncIterator[Node]:
        """A running node with the ledger, key and peer ID that this name always has."""
        key = hashlib.sha256(name.encode()).digest()
        account = account_of(name)
        events: list[tuple[str, dict[str, Any]]] = []
        self.world.escrow.setdefault(account, 10_000)
        async with AsyncExitStack() as stack:
            connection = stack.enter_context(closing(connect(self.folder / f"{name}.db")))
            # Only the process dies here, never the machine, so that what was written need not reach a disk.
            connection.execute("PRAGMA synchronous = OFF")
            store = SqliteStore(ledger(connection))
            chain = FakeChain(self.ethereum, key, store)
            await _resume(chain)
            await stack.enter_async_context(open_background(chain.sender.finality.run))
            context = Context(
                bus=FakeBus(self.net, name),
                blobs=FakeBlobs(self.folder),
                chain=chain,
                store=store,
                clock=FakeClock(),
                private_key=key,
                on_event=lambda event, /, **fields: events.append((event, fields)),
                seals=FakeSeals(name),
                random_bytes=random.Random(f"{name}{trio.current_time()}").randbytes,
            )
            executor, prover = FakeExecutor(), FakeProver(proof_seconds)
            running = None
            if worker is not None:
                self.world.nodes.setdefault(
                    account, NodeRecord(account, name, 1000, worker.capacity, True, 0, 0)
                )
                running = await stack.enter_async_context(
                    open_worker(context, executor, prover, worker, self.folder / f"{name}-jobs")
                )
            own_state = running.own_state if running is not None else None
            presence = await stack.enter_async_context(open_presence(context, own_state))
            node = Node(name, context, chain, store, prover, executor, events, presence, worker=running)
            if requester is not None:
                node.requester = await stack.enter_async_context(
                    open_requester(context, presence, requester, prover)
                )
            await trio.testing.wait_all_tasks_blocked()
            yield node

    def change_node(self, node: Node, **change: Any) -> None:
        """Change a worker's registration."""
        self.world.nodes[node.chain.account] = replace(self.world.nodes[node.chain.account], **change)
