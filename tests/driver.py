"""alice, bob and carol: whole market nodes on a network, a chain and a prover that live in memory.

The market and the ledger are the real ones. What stands in for the rest keeps the rules that the market
relies on: the chain checks signatures, nonces, escrow and the journal as ProofOfInference does, the prover
proves what its guest computes, streams are bounded and time out.
"""

import hashlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import trio
import trio.testing
from eth_keys.datatypes import PrivateKey

from p2pnode.errors import BlobError, ChainError, InferenceError, NetworkError, ProverError
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, open_presence
from p2pnode.market.requester import Requester, open_requester
from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.worker import Worker, open_worker
from p2pnode.ports import (
    Gossip,
    Handler,
    ModelListing,
    NodeRecord,
    Progress,
    Proof,
    ProofTask,
    SettlementOutcome,
    StreamProtocol,
    Topic,
)
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Signed
from p2pnode.protocol.tensors import decode_tensors, encode_tensors, tensors_digest
from p2pnode.store import SqliteStore, open_store

START = 1_800_000_000
TOKEN = b"\x70" * 20
CONTRACT = b"\xc0" * 20
IMAGE_ID = b"\x1d" * 32
MODEL = b"a model that doubles a float32[2]"
MODEL_DIGEST = hashlib.sha256(MODEL).digest()
MODEL_OWNER = b"\x0e" * 20
MODEL_FEE = 5
TERMS = Terms(price_min=10, price_max=100, ramp_seconds=10, result_seconds=60, settle_seconds=600)


class Killed(BaseException):
    """A node dies here, as by kill -9; raised by a store that injects faults."""


class FakeClock:
    """Seconds of Trio's clock, which tests make jump."""

    def now(self) -> int:
        return START + int(trio.current_time())

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


class FakeNet:
    """Every bus by its peer; `silent` peers take requests and never answer, `gone` ones are cut off."""

    def __init__(self) -> None:
        self.buses: dict[str, FakeBus] = {}
        self.silent: set[str] = set()
        self.gone: set[str] = set()


class FakeBus:
    """Gossip and streams between the buses of one FakeNet."""

    def __init__(self, net: FakeNet, peer_id: str) -> None:
        self._net = net
        self.peer_id = peer_id
        self.handlers: dict[StreamProtocol, tuple[Handler, int]] = {}
        self._channels: dict[Topic, list[trio.MemorySendChannel[Gossip]]] = defaultdict(list)
        net.buses[peer_id] = self

    async def publish(self, topic: Topic, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        for bus in list(self._net.buses.values()):
            if bus is not self and self.peer_id not in self._net.gone:
                for channel in bus._channels[topic]:
                    channel.send_nowait(Gossip(self.peer_id, data))

    @asynccontextmanager
    async def subscribe(self, topic: Topic) -> AsyncIterator[AsyncIterator[Gossip]]:
        send, receive = trio.open_memory_channel[Gossip](10_000)
        self._channels[topic].append(send)
        try:
            yield receive
        finally:
            self._channels[topic].remove(send)

    def serve(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        self.handlers[protocol] = (handler, max_request)

    async def request(
        self, peer: str, protocol: StreamProtocol, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        await trio.lowlevel.checkpoint()
        bus = self._net.buses.get(peer)
        if bus is None or peer in self._net.gone or protocol not in bus.handlers:
            raise NetworkError(f"peer {peer} cannot be reached")
        handler, max_request = bus.handlers[protocol]
        if len(data) > max_request:
            raise NetworkError(f"request has {len(data)} bytes; the peer takes {max_request}")
        with trio.move_on_after(timeout):
            if peer in self._net.silent:
                await trio.sleep_forever()
            try:
                response = await handler(self.peer_id, data)
            except Killed:
                raise NetworkError(f"peer {peer} reset the stream") from None
            if len(response) > max_response:
                raise NetworkError(f"response has {len(response)} bytes; at most {max_response} are read")
            return response
        raise NetworkError(f"peer {peer} did not answer within {timeout} s")

    def peers(self) -> Sequence[str]:
        return [peer for peer in self._net.buses if peer != self.peer_id]


class FakeBlobs:
    """Content that everybody can get at once, kept in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> bytes:
        found = hashlib.sha256(data).digest()
        (self._folder / found.hex()).write_bytes(data)
        return found

    async def get(self, digest: bytes, *, max_size: int, peers: Sequence[str] = ()) -> Path:
        await trio.lowlevel.checkpoint()
        path = self._folder / digest.hex()
        if not path.exists():
            raise BlobError(f"no peer has {digest.hex()}")
        return path

    def has(self, digest: bytes) -> bool:
        return (self._folder / digest.hex()).exists()


class FakeExecutor:
    """Runs MODEL: twice a float32[2]. Everything else is refused as ONNX Runtime's adapter does."""

    def __init__(self) -> None:
        self.runs = 0
        self.model = double

    async def load(self, model: Path) -> None:
        if model.name != MODEL_DIGEST.hex():
            raise InferenceError("operator Frobnicate is not supported; export without it")

    async def run(self, model: Path, tensors: bytes) -> bytes:
        await trio.sleep(0.01)
        self.runs += 1
        return self.model(tensors)


def double(tensors: bytes) -> bytes:
    """What MODEL computes."""
    arrays = decode_tensors(tensors)
    if list(arrays) != ["x"] or arrays["x"].dtype != np.float32 or arrays["x"].shape != (2,):
        given = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
        raise InferenceError(f"inputs are {given}; the model takes x: float32[2]")
    return encode_tensors({"y": arrays["x"] * np.float32(2)})


class FakeProver:
    """Proves what `guest` computes; its seal is a MAC of the journal that FakeChain can check."""

    image_id = IMAGE_ID

    def __init__(self, seconds: float = 20) -> None:
        self.seconds = seconds
        self.guest: Callable[[bytes], bytes] = double
        self.wrong_tasks = False
        self.failures = 0
        self.jobs: list[Path] = []

    async def prove(
        self, model: Path, tasks: Sequence[ProofTask], job: Path, on_progress: Callable[[Progress], None]
    ) -> Proof:
        self.jobs.append(job)
        on_progress(Progress("segment", 1, 1, 0, self.seconds))
        await trio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise ProverError("the prover was killed")
        outputs = await self.execute(model, tasks, job)
        digest = bytes.fromhex(model.name)
        ids = [b"\xff" * 32 if self.wrong_tasks else task.task_id for task in tasks]
        leaves = [
            leaf(task_id, digest, tensors_digest(task.tensors), tensors_digest(output))
            for task_id, task, output in zip(ids, tasks, outputs, strict=True)
        ]
        journal = journal_of(leaves).encode()
        return Proof(IMAGE_ID, journal, seal_of(journal), outputs)

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        try:
            return tuple(self.guest(task.tensors) for task in tasks)
        except InferenceError as error:
            raise ProverError(f"the guest panicked: {error}") from error

    async def verify(self, proof_journal: bytes, seal: bytes) -> None:
        if seal != seal_of(proof_journal):
            raise ProverError("the seal does not prove this journal")


def account_of(name: str) -> bytes:
    """Address of the node with this name."""
    return PrivateKey(hashlib.sha256(name.encode()).digest()).public_key.to_canonical_address()


def seal_of(journal: bytes) -> bytes:
    return hashlib.sha256(b"seal" + IMAGE_ID + journal).digest()


@dataclass
class World:
    """The chain: what all nodes see, and what settleBatch did."""

    chain_id: int = 31337
    listings: dict[bytes, ModelListing] = field(default_factory=dict)
    nodes: dict[bytes, NodeRecord] = field(default_factory=dict)
    escrow: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    nonces: set[tuple[bytes, int]] = field(default_factory=set)
    sent: dict[str, SettlementOutcome] = field(default_factory=dict)
    down: bool = False

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, CONTRACT)


class FakeChain:
    """One account's view of a World."""

    settlement_address = CONTRACT
    token_address = TOKEN

    def __init__(self, world: World, account: bytes) -> None:
        self._world = world
        self.account = account

    @property
    def chain_id(self) -> int:
        return self._world.chain_id

    async def listing(self, model_digest: bytes) -> ModelListing | None:
        await self._reach()
        return self._world.listings.get(model_digest)

    async def node(self, account: bytes) -> NodeRecord | None:
        await self._reach()
        return self._world.nodes.get(account)

    async def free_escrow(self, requester: bytes) -> int:
        await self._reach()
        return self._world.escrow.get(requester, 0)

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool:
        await self._reach()
        return (requester, nonce) in self._world.nonces

    async def settle_batch(
        self, awards: Sequence[Signed[Award]], output_digests: Sequence[bytes], seal: bytes, key: str
    ) -> SettlementOutcome:
        await self._reach()
        world = self._world
        if key in world.sent:
            return world.sent[key]
        ids = [digest(world.domain, signed.message) for signed in awards]
        leaves = [
            leaf(task_id, signed.message.model_digest, signed.message.input_digest, output)
            for task_id, signed, output in zip(ids, awards, output_digests, strict=True)
        ]
        if seal != seal_of(journal_of(leaves).encode()):
            raise ChainError("settleBatch reverted: VerificationFailed()")
        settled, skipped = [], {}
        for task_id, signed in zip(ids, awards, strict=True):
            reason = self._pay(signed)
            if reason:
                skipped[task_id] = reason
            else:
                settled.append(task_id)
        transaction = hashlib.sha256(key.encode()).digest()
        world.sent[key] = SettlementOutcome(transaction, 9_000_000, len(world.sent), tuple(settled), skipped)
        return world.sent[key]

    def _pay(self, signed: Signed[Award]) -> str:
        world, award = self._world, signed.message
        verify(world.domain, signed)
        cost = award.price + award.model_fee
        if (award.requester, award.nonce) in world.nonces:
            return "NonceUsed"
        if award.settle_deadline < FakeClock().now():
            return "Expired"
        if world.escrow.get(award.requester, 0) < cost:
            return "InsufficientEscrow"
        world.nonces.add((award.requester, award.nonce))
        world.escrow[award.requester] -= cost
        world.balances[award.worker] += award.price
        world.balances[MODEL_OWNER] += award.model_fee
        return ""

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._world.down:
            raise ChainError("the chain cannot be reached")


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


class Driver:
    """Opens nodes on one network and one chain."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = FakeNet()
        self.world = World()
        self.world.listings[MODEL_DIGEST] = ModelListing(MODEL_DIGEST, MODEL_OWNER, MODEL_FEE, "", False)
        (folder / MODEL_DIGEST.hex()).write_bytes(MODEL)

    @asynccontextmanager
    async def node(
        self,
        name: str,
        *,
        worker: WorkerSettings | None = None,
        requester: RequesterSettings | None = None,
        store: Callable[[SqliteStore], SqliteStore] = lambda store: store,
    ) -> AsyncIterator[Node]:
        """A running node with the ledger, key and peer ID that this name always has."""
        key = hashlib.sha256(name.encode()).digest()
        account = account_of(name)
        events: list[tuple[str, dict[str, Any]]] = []
        chain = FakeChain(self.world, account)
        self.world.escrow.setdefault(account, 10_000)
        async with AsyncExitStack() as stack:
            ledger = store(stack.enter_context(open_store(self.folder / f"{name}.db")))
            context = Context(
                bus=FakeBus(self.net, name),
                blobs=FakeBlobs(self.folder),
                chain=chain,
                store=ledger,
                clock=FakeClock(),
                private_key=key,
                on_event=lambda event, /, **fields: events.append((event, fields)),
                random_bytes=random.Random(f"{name}{trio.current_time()}").randbytes,
            )
            executor, prover = FakeExecutor(), FakeProver()
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
            node = Node(name, context, chain, ledger, prover, executor, events, presence, worker=running)
            if requester is not None:
                node.requester = await stack.enter_async_context(
                    open_requester(context, presence, requester, prover)
                )
            await trio.testing.wait_all_tasks_blocked()
            yield node

    def change_node(self, node: Node, **change: Any) -> None:
        """Change a worker's registration."""
        self.world.nodes[node.chain.account] = replace(self.world.nodes[node.chain.account], **change)


def pair(first: float, second: float) -> bytes:
    """An input of MODEL."""
    return encode_tensors({"x": np.array([first, second], "f4")})
