"""What either side of a session may try, and what it gets for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from p2pnode.errors import MarketError, ProtocolError, SignatureError
from p2pnode.market.sessions.desk import MOST_OPENINGS, MOST_UNUSED
from p2pnode.market.sessions.requester import SessionOrder
from p2pnode.market.sessions.session import MAX_ANSWER, Session
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.ports import Role, StreamProtocol
from p2pnode.protocol.codec import decode_any, encode
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.messages import (
    CallAnswer,
    CallReceipt,
    CallRequest,
    Decline,
    DeclineCode,
    Signed,
    Voucher,
)
from p2pnode.protocol.sessions import NOTHING, extend
from p2pnode.protocol.tensors import tensors_digest
from tests.sim.driver import MODEL_FEE, Driver, Node, account_of
from tests.sim.fake_compute import MODEL_DIGEST, double, pair

OPENING_FEE = 20
ORDER = SessionOrder(MODEL_DIGEST, price=2, most_calls=4, most_opening_fee=50)
FORGER = b"\x07" * 32


@dataclass
class Pair:
    """alice's open session with bob, three calls of which are made; `ask` speaks to bob past her market."""

    alice: Node
    bob: Node
    session: Session

    @property
    def receipt(self) -> CallReceipt:
        return self.session.entry.receipt.message

    async def ask(self, message: object) -> object:
        data = message if isinstance(message, bytes) else encode(message)
        response = await self.alice.context.bus.request(
            "bob", StreamProtocol.SESSION, data, timeout=10, max_response=MAX_ANSWER
        )
        return decode_any(response, MAX_ANSWER)

    def request(self, key: bytes | None = None, **changes: Any) -> CallRequest:
        """The next call, with a voucher that is in order but for `changes` and the signer."""
        tensors = pair(9, 9)
        right = Voucher(
            self.receipt.session_hash, self.receipt.calls + 1, self.receipt.history, tensors_digest(tensors)
        )
        voucher = replace(right, **changes)
        context = self.alice.context
        return CallRequest(sign(context.domain, voucher, key or context.private_key), tensors)


@asynccontextmanager
async def opened(driver: Driver, worker: WorkerSettings, requester: RequesterSettings) -> AsyncIterator[Pair]:
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        session = await alice.requester.sessions.start(ORDER)
        for number in range(3):
            await session.call(pair(number, 1))
        yield Pair(alice, bob, session)
        await alice.requester.sessions.end(session)


async def test_a_worker_takes_no_voucher_that_would_not_pay(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with opened(driver, worker, requester) as both:
        for request, code in (
            (both.request(FORGER), DeclineCode.BAD_SIGNATURE),
            (both.request(calls=5), DeclineCode.MALFORMED),
            (both.request(calls=3), DeclineCode.MALFORMED),
            (both.request(history=b"\1" * 32), DeclineCode.MALFORMED),
            (both.request(session_hash=b"\1" * 32), DeclineCode.UNKNOWN_BID),
            (both.request(input_digest=b"\1" * 32), DeclineCode.WRONG_INPUT),
            (both.request(input_digest=NOTHING), DeclineCode.MALFORMED),
            (b"no message", DeclineCode.MALFORMED),
        ):
            said = await both.ask(request)
            assert isinstance(said, Decline)
            assert said.code == code, said
        # Nothing of it counted: the next call is the fourth.
        assert await both.session.call(pair(3, 1)) == double(pair(3, 1))
        said = await both.ask(both.request())
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.EXPIRED


async def test_a_requester_cannot_have_two_answers_for_one_voucher(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with opened(driver, worker, requester) as both:
        first = both.request()
        answer = await both.ask(first)
        assert isinstance(answer, CallAnswer)
        assert await both.ask(first) == answer
        other = pair(8, 8)
        voucher = replace(first.voucher.message, input_digest=tensors_digest(other))
        said = await both.ask(CallRequest(both.alice.context.sign(voucher), other))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.MALFORMED


async def test_a_requester_cannot_acknowledge_less_than_it_got(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with opened(driver, worker, requester) as both:
        entry, receipt = both.session.entry, both.receipt
        early = Voucher(entry.session_hash, 1, receipt.history, NOTHING)
        said = await both.ask(both.alice.context.sign(early))
        assert isinstance(said, Decline)
        # The chain takes it, and then pays the rest all the same.
        await both.alice.chain.settle_session(
            entry.award.message, both.alice.context.sign(early), None, "early"
        )
        assert await both.alice.chain.paid_calls(entry.session_hash) == 1
    await_settled = 400
    async with driver.node("bob", worker=worker):
        await trio.sleep(await_settled)
    cost = OPENING_FEE + 3 * (ORDER.price + MODEL_FEE)
    assert driver.world.escrow[account_of("alice")] == 10_000 - cost


@pytest.mark.parametrize("lie", ["output", "signer", "history"])
async def test_a_requester_takes_no_answer_that_is_no_evidence(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    lie: str,
) -> None:
    async with opened(driver, worker, requester) as both:
        honest, limit = both.bob.context.bus.handlers[StreamProtocol.SESSION]  # type: ignore[attr-defined]

        async def lying(peer: str, data: bytes) -> bytes:
            answer = decode_any(await honest(peer, data), MAX_ANSWER)
            assert isinstance(answer, CallAnswer)
            receipt, domain = answer.receipt.message, both.bob.context.domain
            match lie:
                case "output":
                    return encode(replace(answer, output=pair(1, 1)))
                case "signer":
                    return encode(replace(answer, receipt=sign(domain, receipt, FORGER)))
            wrong = replace(receipt, history=extend(receipt.history, NOTHING, NOTHING))
            return encode(replace(answer, receipt=both.bob.context.sign(wrong)))

        both.bob.context.bus.handlers[StreamProtocol.SESSION] = (lying, limit)  # type: ignore[attr-defined]
        with pytest.raises((ProtocolError, SignatureError)):
            await both.session.call(pair(3, 1))
        assert both.receipt.calls == 3
        assert len(both.alice.store.calls(both.receipt.session_hash)) == 3
        both.bob.context.bus.handlers[StreamProtocol.SESSION] = (honest, limit)  # type: ignore[attr-defined]


async def test_a_worker_takes_no_session_that_is_not_covered(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        long = replace(ORDER, most_calls=800)
        async with alice.requester.sessions.open(long) as session:
            await session.call(pair(1, 1))
            with pytest.raises(MarketError, match="so deposit"):
                await alice.requester.sessions.start(long)
            assert bob.worker is not None
            assert bob.worker.own_state().load == 1
        await trio.sleep(120)
        # bob counts what alice owes him, whatever she says of herself.
        driver.world.escrow[account_of("alice")] = 5700
        async with alice.requester.sessions.open(replace(ORDER, most_calls=700)) as session:
            await session.call(pair(1, 1))
            driver.world.escrow[account_of("alice")] = 60
            await trio.sleep(60)
            with pytest.raises(MarketError, match="the session is"):
                await session.call(pair(2, 1))
        assert driver.world.paid_calls[session.entry.session_hash] == 1
        assert isinstance(session.entry.receipt, Signed)


async def test_sessions_without_a_call_keep_no_work_away(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    small = replace(worker, capacity=4)
    async with driver.node("bob", worker=small) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        assert bob.worker is not None
        opened = [await alice.requester.sessions.start(ORDER) for _ in range(3 * MOST_UNUSED)]
        assert bob.worker.own_state().load == 0
        kept = bob.store.sessions(Role.WORKER, [SessionState.OPEN])
        assert [entry.session_hash for entry in kept] == [
            session.entry.session_hash for session in opened[-MOST_UNUSED:]
        ]
        with pytest.raises(MarketError, match="the session is settled"):
            await opened[0].call(pair(1, 1))
        # Each takes a place with its first call, as many as there are.
        for session in opened[-small.capacity :]:
            await session.call(pair(1, 1))
        assert bob.worker.own_state().load == small.capacity
        with pytest.raises(MarketError, match="at-capacity"):
            await opened[-small.capacity - 1].call(pair(1, 1))
        for session in opened:
            await alice.requester.sessions.end(session)
        await trio.sleep(400)
        assert len(driver.world.session_settlements) == small.capacity


async def test_openings_of_one_peer_are_looked_at_so_often_and_no_more(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        session = await alice.requester.sessions.start(ORDER)
        await trio.sleep(60)
        both, award = Pair(alice, bob, session), session.entry.award.message
        # Too cheap for the worker: it says so after having asked the chain.
        codes = []
        for nonce in range(3 * MOST_OPENINGS):
            cheap = replace(award, nonce=nonce, opening_fee=0)
            said = await both.ask(alice.context.sign(cheap))
            assert isinstance(said, Decline)
            codes.append(said.code)
        assert DeclineCode.AT_CAPACITY in codes
        assert codes.count(DeclineCode.OPENING_FEE_TOO_LOW) <= 2 * MOST_OPENINGS
        # What is open goes on meanwhile, and in the next minute so does the rest.
        assert await session.call(pair(1, 1)) == double(pair(1, 1))
        await trio.sleep(60)
        await alice.requester.sessions.end(await alice.requester.sessions.start(ORDER))
        await alice.requester.sessions.end(session)


async def test_a_worker_that_asks_for_ever_more_is_left(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        asked = 0

        async def greedy(peer: str, data: bytes) -> bytes:
            nonlocal asked
            asked += 1
            award = decode_any(data, MAX_ANSWER)
            assert isinstance(award, Signed)
            subject = bob.context.digest(award.message)
            return encode(Decline(subject, DeclineCode.OPENING_FEE_TOO_LOW, "a little more", needed=asked))

        _, limit = bob.context.bus.handlers[StreamProtocol.SESSION]  # type: ignore[attr-defined]
        bob.context.bus.handlers[StreamProtocol.SESSION] = (greedy, limit)  # type: ignore[attr-defined]
        with pytest.raises(MarketError, match="another opening fee each time"):
            await alice.requester.sessions.start(replace(ORDER, most_opening_fee=2000))
        assert asked == 3


async def test_a_slow_model_is_not_called_at_the_price_of_a_quick_one(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    asking = replace(worker, call_price=2)
    async with driver.node("bob", worker=asking) as bob, driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        bob.executor.seconds = 2.5
        with pytest.raises(MarketError, match="asks 6 for a call of this model, which takes it 3 s"):
            await alice.requester.sessions.start(ORDER)
        async with alice.requester.sessions.open(replace(ORDER, price=6)) as session:
            assert await session.call(pair(1, 1)) == double(pair(1, 1))
