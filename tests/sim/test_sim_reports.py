"""Missed awards under report: the worker that comes back settles, the one that does not loses stake."""

from dataclasses import replace

import trio
from trio.testing import MockClock

from p2pnode.market.commitments import promised
from p2pnode.market.requester import Requester, TaskOutcome
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Papers, Role
from p2pnode.protocol.codec import encode
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.messages import Decline, DeclineCode
from tests.sim.driver import MODEL_FEE, TERMS, Driver, account_of
from tests.sim.fake_chain import DAY
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.mallory import INPUT, KEY, Mallory

REQUESTER = RequesterSettings(bid_wait=2.0, answer_seconds=10.0, poll_seconds=60.0)
"""Asks for receipts once a minute: these tests last for days."""
DEADLINE = TERMS.result_seconds + TERMS.settle_seconds


async def answered_by_bob(
    driver: Driver, worker: WorkerSettings, requester: Requester, *inputs: bytes
) -> list[TaskOutcome]:
    """What became of tasks that bob answers before he goes away."""
    async with driver.node("bob", worker=worker):
        return await requester.submit(MODEL_DIGEST, inputs, TERMS)


async def test_a_worker_that_was_away_settles_under_report(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=REQUESTER) as alice:
        assert alice.requester is not None
        [outcome] = await answered_by_bob(driver, worker, alice.requester, pair(1, 2))
        assert outcome.state == TaskState.ANSWERED
        [missed] = await alice.requester.settled([outcome.offer_hash])
        assert missed.state == TaskState.UNSETTLED
        await trio.sleep(200)
        assert alice.requester.outcome(outcome.offer_hash).state == TaskState.REPORTED
        cost = outcome.price + outcome.model_fee
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost
        async with driver.node("bob", worker=worker) as bob:
            await trio.sleep(300)
            [report] = bob.named("award.reported")
            assert report["task_id"] == outcome.task_id.hex()
            assert driver.world.balances[account_of("bob")] == outcome.price
            assert alice.requester.outcome(outcome.offer_hash).state == TaskState.SETTLED
            assert alice.requester.receipt(outcome.task_id)
        assert driver.world.slashed == []
        assert driver.world.escrow[account_of("alice")] == 10_000 - cost


async def test_a_task_under_report_keeps_its_worker_from_no_other(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=REQUESTER) as alice:
        assert alice.requester is not None
        [missed] = await answered_by_bob(driver, worker, alice.requester, pair(1, 2))
        await trio.sleep(DEADLINE + 200)
        assert alice.requester.outcome(missed.offer_hash).state == TaskState.REPORTED
        async with driver.node("bob", worker=worker) as bob:
            bob.prover.seconds = 300
            await trio.sleep(100)
            assert bob.store.tasks(Role.WORKER, [TaskState.PROVING])
            [next_one] = await alice.requester.submit(MODEL_DIGEST, [pair(3, 4)], TERMS)
            assert next_one.state == TaskState.ANSWERED, next_one.reason


async def test_a_worker_that_answers_and_never_settles_loses_stake(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=REQUESTER) as alice:
        assert alice.requester is not None
        [outcome] = await answered_by_bob(driver, worker, alice.requester, pair(1, 2))
        await trio.sleep(DEADLINE + 200)
        assert len(alice.named("report.sent")) == 1
    # The requester need not be there all the time: its ledger knows what it has reported.
    for state, slashed, escrow in (
        (TaskState.REPORTED, [], 10_000 - outcome.price - outcome.model_fee),
        (TaskState.UNSETTLED, [account_of("bob")], 10_000),
        (TaskState.UNSETTLED, [account_of("bob")], 10_000),
    ):
        await trio.sleep(DAY)
        async with driver.node("alice", requester=REQUESTER) as alice:
            assert alice.requester is not None
            await trio.sleep(130)
            assert alice.requester.outcome(outcome.offer_hash).state == state
            assert driver.world.slashed == slashed
            assert driver.world.escrow[account_of("alice")] == escrow
            assert alice.named("report.sent") == []


async def test_a_report_waits_until_the_escrow_covers_it_beside_open_awards(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=REQUESTER) as alice:
        assert alice.requester is not None
        [missed] = await answered_by_bob(driver, worker, alice.requester, pair(1, 2))
        await trio.sleep(DEADLINE - 60)
        cost = missed.price + missed.model_fee
        async with driver.node("carol", worker=worker) as carol:
            carol.prover.seconds = 300
            [open_one] = await alice.requester.submit(MODEL_DIGEST, [pair(3, 4)], TERMS)
            driver.world.escrow[account_of("alice")] = cost + open_one.price + open_one.model_fee - 1
            await trio.sleep(200)
            assert alice.requester.outcome(missed.offer_hash).state == TaskState.UNSETTLED
            assert driver.world.reports == {}
            driver.world.escrow[account_of("alice")] += 1
            await trio.sleep(100)
            assert alice.requester.outcome(missed.offer_hash).state == TaskState.REPORTED
            [settled] = await alice.requester.settled([open_one.offer_hash])
            assert settled.state == TaskState.SETTLED


async def test_nothing_is_reported_when_the_operator_says_so(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    silent = replace(REQUESTER, report=False)
    async with driver.node("alice", requester=silent) as alice:
        assert alice.requester is not None
        await answered_by_bob(driver, worker, alice.requester, pair(1, 2))
        await trio.sleep(DEADLINE + 600)
        assert driver.world.reports == {}


async def test_a_withheld_award_is_taken_from_its_report_and_paid(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        bid, offer = await mallory.bid()
        award = sign(driver.world.domain, mallory.award(bid, offer), KEY)
        await trio.sleep(offer.settle_deadline - bob.context.clock.now() + 1)
        assert bob.store.tasks(Role.WORKER, [TaskState.AWARDED]) == []
        driver.world.report(award, mallory.account, Papers(offer, bid, award, INPUT))
        await trio.sleep(300)
        assert driver.world.balances[bob.chain.account] == bid.message.price
        [task] = bob.store.tasks(Role.WORKER, [TaskState.SETTLED])
        assert task.award == award


async def test_a_report_that_cannot_be_answered_is_told_and_stops_nothing(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=REQUESTER) as alice,
    ):
        mallory = Mallory(driver)
        bid, offer = await mallory.bid()
        # As if bob's ledger had been lost: nothing there rests on this bid.
        award = sign(driver.world.domain, mallory.award(bid, offer, offer_hash=b"\x05" * 32), KEY)
        await trio.sleep(offer.settle_deadline - bob.context.clock.now() + 1)
        driver.world.report(award, mallory.account, Papers(offer, bid, award, INPUT))
        await trio.sleep(100)
        assert "the ledger has no such award" in bob.named("report.unanswered")[0]["reason"]
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED


async def test_a_requester_without_the_bond_that_is_asked_for_is_declined(
    driver: Driver, autojump_clock: MockClock
) -> None:
    careful = WorkerSettings(capacity=4, strategy=CostPlus(20), batch_size=1, batch_seconds=1, min_bond=50)
    async with driver.node("bob", worker=careful):
        mallory = Mallory(driver)
        driver.world.bonds[mallory.account] = 49
        said = await mallory.offers(encode(mallory.signed()))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.BOND_TOO_LOW
        assert "the requester's bond is 49; this worker asks for 50, so bond 1 more" in said.reason


async def test_a_promise_counts_until_it_can_no_longer_be_paid(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=REQUESTER) as alice:
        assert alice.requester is not None
        outcomes = await answered_by_bob(driver, worker, alice.requester, pair(1, 2), pair(3, 4))
        cost = sum(outcome.price + MODEL_FEE for outcome in outcomes)
        assert promised(alice.context, MODEL_FEE) == cost
        [task, _] = alice.store.tasks(Role.REQUESTER, [TaskState.ANSWERED])
        alice.context.move(task, TaskState.ANSWERED, award=task.award)
        assert promised(alice.context, MODEL_FEE) == cost, "the awards of one offer exclude each other"
        await trio.sleep(DEADLINE + 1)
        assert promised(alice.context, MODEL_FEE) == 0
