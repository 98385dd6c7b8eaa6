"""A session from its opening to its one settlement, whoever goes silent and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from p2pnode.errors import MarketError, NetworkError
from p2pnode.market.sessions.requester import SessionOrder
from p2pnode.market.sessions.session import RESERVE
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.ports import Role, StreamProtocol
from p2pnode.protocol.eip712 import verify
from p2pnode.protocol.messages import CallReceipt, Signed
from p2pnode.protocol.sessions import extend
from p2pnode.protocol.tensors import encode_tensors
from tests.sim.driver import MODEL_FEE, Driver, Node, account_of
from tests.sim.fake_compute import MODEL_DIGEST, double, pair

OPENING_FEE = 20
"""What the strategy of these tests asks for work that takes no proof."""
ORDER = SessionOrder(MODEL_DIGEST, price=2, most_calls=200, most_opening_fee=50)


def cost(calls: int) -> int:
    """What a requester pays for that many calls of ORDER."""
    return OPENING_FEE + calls * (ORDER.price + MODEL_FEE)


async def settle_time() -> None:
    """Long enough for a settlement to be sent, mined and seen by both."""
    await trio.sleep(120)


async def test_many_calls_are_paid_by_one_settlement(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    calls = RESERVE + 36
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with alice.requester.sessions.open(ORDER) as session:
            for number in range(calls):
                assert await session.call(pair(number, 1)) == double(pair(number, 1))
            session_hash = session.entry.session_hash
        await settle_time()
        assert driver.world.session_settlements == [(session_hash, calls, b"")]
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost(calls)
        assert driver.world.balances[account_of("bob")] == OPENING_FEE + calls * ORDER.price
        for node, role in ((bob, Role.WORKER), (alice, Role.REQUESTER)):
            entry = node.store.session(role, session_hash)
            assert entry is not None
            assert (entry.state, entry.paid) == (SessionState.SETTLED, calls)
        history = session_hash
        for call in alice.store.calls(session_hash):
            history = extend(history, call.input_digest, call.output_digest)
            receipt = CallReceipt(session_hash, call.number, history)
            verify(alice.context.domain, Signed(receipt, call.signature), account_of("bob"))
            assert alice.store.content(call.output_digest) is not None
        assert call.number == calls


async def test_a_worker_is_paid_by_credit_when_it_says_so(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=replace(worker, credit=True)),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        async with alice.requester.sessions.open(ORDER) as session:
            await session.call(pair(1, 1))
        await settle_time()
        assert driver.world.credits[account_of("bob")] == OPENING_FEE + ORDER.price
        assert not any(driver.world.balances.values())


async def test_a_requester_that_falls_silent_pays_for_every_answer(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker), driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with alice.requester.sessions.open(ORDER) as session:
            for number in range(7):
                await session.call(pair(number, 1))
            session_hash = session.entry.session_hash
            driver.net.gone.add("bob")
        driver.net.gone.discard("bob")
        assert alice.named("session.unacknowledged") != []
        await settle_time()
        assert driver.world.session_settlements == []
        for _ in range(5):
            await settle_time()
        # Its last answer went to the chain in place of the voucher that never came.
        assert driver.world.session_settlements == [(session_hash, 7, double(pair(6, 1)))]
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost(7)


async def test_a_worker_that_keeps_the_answer_is_paid_for_the_calls_before(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    order = replace(ORDER, call_seconds=2)
    async with driver.node("bob", worker=worker), driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with alice.requester.sessions.open(order) as session:
            for number in range(3):
                await session.call(pair(number, 1))
            driver.net.silent.add("bob")
            with pytest.raises(NetworkError, match="did not answer"):
                await session.call(pair(3, 1))
        driver.net.silent.discard("bob")
        for _ in range(5):
            await settle_time()
        assert driver.world.balances[account_of("bob")] == OPENING_FEE + 3 * ORDER.price
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost(3)


async def test_an_input_that_cannot_be_run_costs_nothing(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker), driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with alice.requester.sessions.open(ORDER) as session:
            await session.call(pair(1, 1))
            with pytest.raises(MarketError, match="the model takes x"):
                await session.call(encode_tensors({}))
            assert await session.call(pair(2, 1)) == double(pair(2, 1))
        await settle_time()
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost(2)


@pytest.mark.parametrize("again", [True, False], ids=["same input", "other input"])
async def test_a_call_that_broke_off_is_finished_before_the_next(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    again: bool,
) -> None:
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with alice.requester.sessions.open(ORDER) as session:
            await session.call(pair(0, 1))
            with lost_answers(bob), trio.move_on_after(1):
                await session.call(pair(1, 1))
            assert session.entry.receipt.message.calls == 1
            following = pair(1, 1) if again else pair(2, 1)
            assert await session.call(following) == double(following)
            calls = 2 if again else 3
            assert session.entry.receipt.message.calls == calls
            # Whoever leaves right after a call that broke off has its answer too.
            with lost_answers(bob), trio.move_on_after(1):
                await session.call(pair(3, 1))
            session_hash = session.entry.session_hash
        assert len(alice.store.calls(session_hash)) == calls + 1
        await settle_time()
        assert driver.world.session_settlements == [(session_hash, calls + 1, b"")]


async def test_after_a_crash_the_last_answer_is_acknowledged_and_can_be_paid_for(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker):
        async with driver.node("alice", requester=requester) as alice:
            assert alice.requester is not None
            session = await alice.requester.sessions.start(ORDER)
            for number in range(3):
                await session.call(pair(number, 1))
            session_hash = session.entry.session_hash
            # Gone without a word, as by kill -9.
            driver.net.gone.add("alice")
            await session.hang_up()
            alice.requester.sessions._live.clear()
        driver.net.gone.discard("alice")
        async with driver.node("alice", requester=requester) as alice:
            await settle_time()
            entry = alice.store.session(Role.REQUESTER, session_hash)
            assert entry is not None
            assert (entry.reason, entry.paid, entry.reserved) == ("the node restarted", 3, 4)
    assert driver.world.session_settlements == [(session_hash, 3, b"")]


@contextmanager
def lost_answers(node: Node) -> Iterator[None]:
    """A worker that takes calls and answers them, but whose answers do not arrive."""
    handlers = node.context.bus.handlers  # type: ignore[attr-defined]
    honest, limit = handlers[StreamProtocol.SESSION]

    async def mute(peer: str, data: bytes) -> bytes:
        await honest(peer, data)
        await trio.sleep_forever()
        raise AssertionError

    handlers[StreamProtocol.SESSION] = (mute, limit)
    yield
    handlers[StreamProtocol.SESSION] = (honest, limit)
