"""A worker vanishes, its requester reports it, and another worker proves the task in its place, genuinely.

Real libp2p between two hosts, the deployed contracts, the committed guest and its prover.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.identity import Account
from p2pnode.inference import open_executor, read_inputs, read_model
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, open_presence
from p2pnode.market.requester import Requester, open_requester
from p2pnode.market.rescues.state import RescueState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.market.worker import open_worker
from p2pnode.models import DIGITS, digit_images
from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.network.sealing import NodeSeals
from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.protocol.messages import Award, Bid, Offer
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover
from p2pnode.store import SqliteStore, open_store
from tests.chain.conftest import ETHER, KEYS, Devnet, deploy

MODEL = content_digest(DIGITS.read_bytes())
PEER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
PRICE, FEE = ETHER, ETHER // 10
DAY = 24 * 3600
PROOF_SECONDS = 1500
"""A proof takes half a minute on two cores that have nothing else to do."""


class DevnetClock:
    """The machine's time, ahead by what the chain was moved; its sleeps are short, since days are skipped."""

    def __init__(self, devnet: Devnet) -> None:
        self._devnet = devnet
        self._ahead = 0

    def now(self) -> int:
        return int(time.time()) + self._ahead

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(min(seconds, 1))

    def skip(self, seconds: int) -> None:
        self._ahead += seconds
        self._devnet.rpc("evm_increaseTime", seconds)
        self._devnet.rpc("evm_mine")


@dataclass
class Side:
    """One node: its parts, and what its market said."""

    network: Network
    chain: ChainClient
    store: SqliteStore
    context: Context
    presence: Presence
    events: list[tuple[str, dict[str, object]]]

    def named(self, name: str) -> list[dict[str, object]]:
        return [fields for found, fields in self.events if found == name]


@asynccontextmanager
async def side(
    devnet: Devnet, clock: DevnetClock, account: Account, folder: Path, bootstrap: tuple[str, ...] = ()
) -> AsyncIterator[Side]:
    """A node on loopback that neither works nor requests yet."""
    await trio.Path(folder).mkdir()
    create_key(folder / "node.key")
    settings = NetworkSettings(
        key_path=folder / "node.key",
        cache_dir=folder / "blobs",
        listen=("/ip4/127.0.0.1/tcp/0",),
        bootstrap=bootstrap,
        builtin_bootstrap=False,
    )
    events: list[tuple[str, dict[str, object]]] = []
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(folder / "ledger.db"))
        chain = await stack.enter_async_context(open_chain(devnet.config, account, store))
        network = await stack.enter_async_context(open_network(settings))
        context = Context(
            bus=network.bus,
            blobs=network.blobs,
            chain=chain,
            store=store,
            clock=clock,
            private_key=account.key,
            on_event=lambda name, /, **fields: events.append((name, fields)),
            random_bytes=os.urandom,
            seals=NodeSeals(folder / "node.key"),
        )
        presence = await stack.enter_async_context(open_presence(context))
        yield Side(network, chain, store, context, presence, events)


@asynccontextmanager
async def rescuing(carol: Side, folder: Path) -> AsyncIterator[None]:
    """carol's worker, which looks for rescues and asks a third of the price."""
    terms = WorkerSettings(
        capacity=4, strategy=CostPlus(PRICE // 3), batch_size=4, batch_seconds=60, rescue=True
    )
    async with (
        open_executor() as executor,
        open_prover() as prover,
        open_worker(carol.context, executor, prover, terms, folder / "jobs"),
    ):
        yield


@asynccontextmanager
async def requesting(alice: Side) -> AsyncIterator[Requester]:
    """alice's requester, which publishes the input of what was missed."""
    async with open_requester(
        alice.context, alice.presence, RequesterSettings(publish_input=True)
    ) as requester:
        yield requester


def unanswered(alice: Side, bob: Account, tensors: bytes) -> TaskEntry:
    """A task in alice's ledger that she awarded to bob, who bid and was heard of no more."""
    context, domain, now = alice.context, alice.context.domain, alice.context.clock.now()
    offer = Offer(
        requester=context.account,
        model_digest=MODEL,
        input_digest=content_digest(tensors),
        price_min=PRICE,
        price_max=2 * PRICE,
        ramp_start=now,
        ramp_end=now + 10,
        result_deadline=now + 300,
        settle_deadline=now + 600,
        min_stake=ETHER,
        pay_token=context.chain.token_address,
        nonce=7,
    )
    bid = sign(domain, Bid(digest(domain, offer), bob.address, PRICE, now, now + 300, now + 60), bob.key)
    award = Award(
        offer_hash=bid.message.offer_hash,
        bid_hash=digest(domain, bid.message),
        requester=offer.requester,
        worker=bob.address,
        model_digest=MODEL,
        input_digest=offer.input_digest,
        price=PRICE,
        model_fee=FEE,
        result_deadline=offer.result_deadline,
        settle_deadline=offer.settle_deadline,
        nonce=offer.nonce,
    )
    with alice.store.transaction():
        alice.store.put_content(tensors)
        task = context.begin(
            TaskEntry(
                Role.REQUESTER, bid.message.offer_hash, TaskState.OFFERED, context.sign(offer), now, peer=PEER
            )
        )
        task = context.move(
            task, TaskState.AWARDED, bid=bid, award=context.sign(award), task_id=digest(domain, award)
        )
        return context.move(task, TaskState.UNANSWERED, reason="no answer")


async def heard(of: Side, name: str, seconds: float) -> dict[str, object]:
    """The first event of this name, once it has come."""
    with trio.move_on_after(seconds):
        while not of.named(name):  # noqa: ASYNC110 - events are appended by the code under test
            await trio.sleep(0.2)
    assert of.named(name), f"no {name} in {seconds} s; the newest were {of.events[-8:]}"
    return of.named(name)[0]


async def prepare(devnet: Devnet, rich: Account, bob: Account, carol: Account) -> None:
    """The model, alice's escrow, and bob's node with its stake."""
    async with open_chain(devnet.config, rich, MemoryTxLog()) as chain:
        await chain.models.register(MODEL, FEE, "{}", "model")
        await chain.escrow.deposit(2 * PRICE, "escrow")
        for account in (bob, carol):
            await chain.token.transfer(account.address, 10 * ETHER, f"fund {account.address.hex()}")
    async with open_chain(devnet.config, bob, MemoryTxLog()) as chain:
        await chain.nodes.register(PEER, 4, 5 * ETHER, "node")


@pytest.fixture
def genuine(chain_state: Devnet, tmp_path: Path) -> Devnet:
    """The contracts once more, for proofs of the committed guest."""
    folder = tmp_path / "deployed"
    folder.mkdir()

    async def image_id() -> str:
        async with open_prover() as prover:
            return f"0x{prover.image_id.hex()}"

    return replace(chain_state, deployment=deploy(chain_state.url, folder, trio.run(image_id)))


async def test_a_vanished_workers_task_is_rescued_paid_and_answered(
    genuine: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    rescuer, clock = Account.from_hex(KEYS[2]), DevnetClock(genuine)
    await prepare(genuine, rich, worker, rescuer)
    picture, label = digit_images()[3]
    _, info = read_model(DIGITS)
    async with side(genuine, clock, rescuer, tmp_path / "carol") as carol:
        await carol.chain.nodes.register(carol.network.peer_id, 4, 2 * ETHER, "node")
        await carol.network.blobs.put(DIGITS.read_bytes())
        known = carol.network.addresses[:1]
        async with side(genuine, clock, rich, tmp_path / "alice", known) as alice:
            await alice.network.wait_connected(carol.network.peer_id)
            task = unanswered(alice, worker, read_inputs(picture, info))
            assert task.task_id is not None
            clock.skip(700)
            async with requesting(alice) as requester, rescuing(carol, tmp_path / "carol"):
                await heard(alice, "report.sent", 60)
                assert await alice.chain.free_escrow(rich.address) == PRICE - FEE
                assert carol.named("rescue.taken") == [], "bob has a day to settle it"
                before = await carol.chain.token.balance(rescuer.address)
                clock.skip(DAY + 10)
                taken = await heard(carol, "rescue.taken", 120)
                assert (taken["price"], taken["share"]) == (PRICE, ETHER // 4)
                await heard(carol, "rescue.settled", PROOF_SECONDS)
                await heard(alice, "report.rescued", 60)
            # The price less the protocol's hundredth, and a quarter of what bob lost; gas is paid in coins.
            earned = PRICE * 99 // 100 + ETHER // 4
            assert await carol.chain.token.balance(rescuer.address) == before + earned
            assert await alice.chain.escrow.balance(rich.address) == PRICE - FEE
            bob = await alice.chain.node(worker.address)
            assert bob is not None
            assert (bob.stake, bob.missed) == (4 * ETHER, 1)
            outcome = requester.outcome(task.offer_hash)
            assert outcome.state == TaskState.SETTLED
            assert outcome.output is not None
            assert decode_tensors(outcome.output)["digit"].item() == label
            rescue = carol.store.rescue(Role.WORKER, task.task_id)
            assert rescue is not None
            assert rescue.state == RescueState.RESCUED
            # Nobody is paid for it again, by this proof or another.
            assert rescue.proof is not None
            assert not await carol.chain.is_report_open(task.task_id)
