"""A session over real libp2p between two hosts, paid by the deployed contracts out of real escrow."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio

from p2pnode.app import SystemClock
from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.errors import ChainError, MarketError
from p2pnode.identity import Account
from p2pnode.inference import open_executor, read_inputs, read_model
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, open_presence
from p2pnode.market.requester import Requester, open_requester
from p2pnode.market.sessions.requester import SessionOrder
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.strategy import CostPlus
from p2pnode.market.worker import open_worker
from p2pnode.models import DIGITS, digit_images
from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.network.sealing import NodeSeals
from p2pnode.ports import LastAnswer, Role
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.messages import Voucher
from p2pnode.protocol.sessions import NOTHING
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.proving import open_prover
from p2pnode.store import SqliteStore, open_store
from tests.chain.conftest import ETHER, Devnet, until

MODEL = content_digest(DIGITS.read_bytes())
FEE, PRICE, OPENING_FEE = 3, 2, 50
CALLS = 40
ESCROW = 1000
ORDER = SessionOrder(MODEL, price=PRICE, most_calls=CALLS, most_opening_fee=OPENING_FEE, call_seconds=10)


@dataclass
class Side:
    """One node: its parts, and what its market said."""

    network: Network
    chain: ChainClient
    store: SqliteStore
    context: Context
    presence: Presence
    events: list[str]
    requester: Requester | None = None


@asynccontextmanager
async def side(
    devnet: Devnet, account: Account, folder: Path, *, works: bool, bootstrap: tuple[str, ...] = ()
) -> AsyncIterator[Side]:
    """A node on loopback; it works or requests."""
    await trio.Path(folder).mkdir()
    key = folder / "node.key"
    create_key(key)
    settings = NetworkSettings(
        key_path=key,
        cache_dir=folder / "blobs",
        listen=("/ip4/127.0.0.1/tcp/0",),
        bootstrap=bootstrap,
        builtin_bootstrap=False,
    )
    events: list[str] = []
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(folder / "ledger.db"))
        chain = await stack.enter_async_context(open_chain(devnet.config, account, store))
        network = await stack.enter_async_context(open_network(settings))
        context = Context(
            bus=network.bus,
            blobs=network.blobs,
            chain=chain,
            store=store,
            clock=SystemClock(),
            private_key=account.key,
            on_event=lambda name, /, **fields: events.append(name),
            random_bytes=os.urandom,
            seals=NodeSeals(key),
        )
        own_state = None
        if works:
            await chain.nodes.register(network.peer_id, 4, 2 * ETHER, "node")
            executor = await stack.enter_async_context(open_executor())
            prover = await stack.enter_async_context(open_prover())
            terms = WorkerSettings(
                capacity=4, strategy=CostPlus(OPENING_FEE), batch_size=4, batch_seconds=60, call_price=PRICE
            )
            worker = await stack.enter_async_context(
                open_worker(context, executor, prover, terms, folder / "jobs")
            )
            own_state = worker.own_state
        presence = await stack.enter_async_context(open_presence(context, own_state))
        found = Side(network, chain, store, context, presence, events)
        if not works:
            found.requester = await stack.enter_async_context(
                open_requester(context, presence, RequesterSettings())
            )
        yield found


@asynccontextmanager
async def pair_of(
    devnet: Devnet, rich: Account, worker: Account, folder: Path
) -> AsyncIterator[tuple[Side, Side]]:
    """A requester with escrow and a worker with the model, connected, the one having heard of the other."""
    async with open_chain(devnet.config, rich, MemoryTxLog()) as chain:
        await chain.models.register(MODEL, FEE, "{}", "model")
        await chain.escrow.deposit(ESCROW, "escrow")
        await chain.token.transfer(worker.address, 10 * ETHER, "fund")
    async with side(devnet, worker, folder / "bob", works=True) as bob:
        await bob.network.blobs.put(DIGITS.read_bytes())
        known = bob.network.addresses[:1]
        async with side(devnet, rich, folder / "alice", works=False, bootstrap=known) as alice:
            await alice.network.wait_connected(bob.network.peer_id)
            yield alice, bob


def images() -> list[tuple[bytes, int]]:
    """Images of digits as the model takes them, encoded, and the digits."""
    _, info = read_model(DIGITS)
    return [(read_inputs(path, info), label) for path, label in digit_images()]


def cost(calls: int) -> int:
    """What a requester pays for that many calls of ORDER."""
    return OPENING_FEE + calls * (PRICE + FEE)


async def paid(side: Side, role: Role, session_hash: bytes) -> bool:
    """Whether this side knows the session as settled."""
    entry = side.store.session(role, session_hash)
    return entry is not None and entry.state == SessionState.SETTLED


async def test_a_session_of_many_calls_is_settled_once(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with pair_of(chain_state, rich, worker, tmp_path) as (alice, bob):
        assert alice.requester is not None
        known = images()
        async with alice.requester.sessions.open(ORDER) as session:
            session_hash = session.entry.session_hash
            for number in range(CALLS):
                tensors, label = known[number % len(known)]
                answer = decode_tensors(await session.call(tensors))
                assert answer["digit"].item() == label
            with pytest.raises(MarketError, match=f"all {CALLS} calls"):
                await session.call(known[0][0])
        await until(lambda: paid(bob, Role.WORKER, session_hash))
        assert await alice.chain.paid_calls(session_hash) == CALLS
        assert await alice.chain.escrow.balance(rich.address) == ESCROW - cost(CALLS)
        assert await bob.chain.nodes.node(worker.address) is not None
        entry = alice.store.session(Role.REQUESTER, session_hash)
        assert entry is not None
        assert entry.voucher is not None
        # Everything is paid: neither side can settle again.
        with pytest.raises(ChainError, match="CallsAlreadyPaid"):
            await alice.chain.settle_session(entry.award.message, entry.voucher, None, "again")


async def test_without_the_last_voucher_the_answer_itself_is_settled(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with pair_of(chain_state, rich, worker, tmp_path) as (alice, bob):
        assert alice.requester is not None
        session = await alice.requester.sessions.start(ORDER)
        for tensors, _ in images()[:5]:
            await session.call(tensors)
        theirs = bob.store.session(Role.WORKER, session.entry.session_hash)
        assert theirs is not None
        assert theirs.voucher is not None
        award, hash_ = theirs.award.message, theirs.session_hash
        await bob.chain.settle_session(award, theirs.voucher, None, "hiding")
        assert await bob.chain.paid_calls(hash_) == 4
        answer = LastAnswer(theirs.output, theirs.receipt.signature)
        await bob.chain.settle_session(award, theirs.voucher, answer, "publishing", credit=True)
        assert await bob.chain.paid_calls(hash_) == 5
        assert await bob.chain.settlement.credit(worker.address) == PRICE
        assert await alice.chain.escrow.balance(rich.address) == ESCROW - cost(5)
        await alice.requester.sessions.end(session)
        await until(lambda: paid(bob, Role.WORKER, hash_))


async def test_calls_that_are_cancelled_mix_up_no_answers(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with pair_of(chain_state, rich, worker, tmp_path) as (alice, _):
        assert alice.requester is not None
        known = images()
        async with alice.requester.sessions.open(ORDER) as session:
            await session.call(known[0][0])
            for number in range(12):
                with trio.move_on_after(number / 1000):
                    await session.call(known[number][0])
                tensors, label = known[number + 1]
                assert decode_tensors(await session.call(tensors))["digit"].item() == label


async def test_a_requester_may_settle_itself(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with pair_of(chain_state, rich, worker, tmp_path) as (alice, bob):
        assert alice.requester is not None
        session = await alice.requester.sessions.start(ORDER)
        for tensors, _ in images()[:3]:
            await session.call(tensors)
        receipt = session.entry.receipt.message
        ended = Voucher(receipt.session_hash, receipt.calls, receipt.history, NOTHING)
        award = session.entry.award.message
        await alice.chain.settle_session(award, alice.context.sign(ended), None, "own")
        assert await bob.chain.paid_calls(receipt.session_hash) == 3
        await alice.requester.sessions.end(session)
        await until(lambda: paid(bob, Role.WORKER, receipt.session_hash))
        assert await alice.chain.escrow.balance(rich.address) == ESCROW - cost(3)


async def test_a_worker_refuses_what_would_cost_it(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with pair_of(chain_state, rich, worker, tmp_path) as (alice, _):
        assert alice.requester is not None
        sessions = alice.requester.sessions
        for order, why in (
            (replace(ORDER, price=1), "price-too-low"),
            (replace(ORDER, most_opening_fee=OPENING_FEE - 1), "opening-fee-too-low"),
            (replace(ORDER, seconds=5, settle_seconds=5), "expired"),
        ):
            with pytest.raises(MarketError, match=why):
                await sessions.start(order)
        with pytest.raises(MarketError, match="so deposit"):
            await sessions.start(replace(ORDER, most_calls=1000))
