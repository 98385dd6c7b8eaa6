"""A worker promises only what it can keep, and stops promising when it fails."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Role
from p2pnode.protocol.messages import DeclineCode
from tests.sim.driver import TERMS, Driver, account_of
from tests.sim.fake_compute import MODEL_DIGEST, pair

SINGLE = WorkerSettings(capacity=32, strategy=CostPlus(20), batch_size=1, batch_seconds=0)
"""Proves each task alone, in 20 s (FakeProver)."""


async def test_what_cannot_be_settled_in_time_is_declined_with_the_deadline_that_would_do(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    """Ten proofs of 20 s do not fit in the time for six; those that are taken are all paid."""
    tight = replace(TERMS, result_seconds=60, settle_seconds=120)
    async with (
        driver.node("bob", worker=SINGLE) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        outcomes = await alice.requester.submit(MODEL_DIGEST, [pair(i, i) for i in range(10)], tight)
        taken = [outcome for outcome in outcomes if outcome.state == TaskState.ANSWERED]
        assert 4 <= len(taken) < 10
        declined = alice.named("decline.received")
        assert {event["code"] for event in declined} == {DeclineCode.CANNOT_FINISH}
        assert "so give at least" in declined[0]["reason"]
        settled = await alice.requester.settled([outcome.offer_hash for outcome in taken])
        assert {outcome.state for outcome in settled} == {TaskState.SETTLED}
        assert bob.store.tasks(Role.WORKER, [TaskState.MISSED]) == []


async def test_the_nearest_deadline_is_proved_first(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=SINGLE) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        sender = alice.requester
        assert sender is not None

        async def submit(settle_seconds: int) -> None:
            assert sender is not None
            terms = replace(TERMS, settle_seconds=settle_seconds)
            await sender.submit(MODEL_DIGEST, [pair(settle_seconds, 0)], terms)

        async with trio.open_nursery() as nursery:
            for seconds in (900, 800, 700, 300):
                nursery.start_soon(submit, seconds)
        await trio.sleep(200)
        ended = bob.store.tasks(Role.WORKER, [TaskState.SETTLED])
        ended.sort(key=lambda task: task.changed)
        deadlines = [task.offer.message.settle_deadline for task in ended]
        # Whichever was answered first is proved first; the rest by deadline.
        assert deadlines[1:] == sorted(deadlines[1:])


async def test_a_slower_prover_than_measured_makes_the_worker_more_careful(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=SINGLE) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [first] = await alice.requester.submit(MODEL_DIGEST, [pair(0, 0)], TERMS)
        bob.prover.seconds = 2000
        await alice.requester.settled([first.offer_hash])
        [slow] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 1)], replace(TERMS, settle_seconds=4000))
        await alice.requester.settled([slow.offer_hash])
        [late] = await alice.requester.submit(MODEL_DIGEST, [pair(2, 2)], TERMS)
        assert late.state == TaskState.UNBID
        assert "cannot-finish" in late.reason


async def test_failures_in_a_row_pause_the_worker_until_it_is_resumed(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=replace(SINGLE, most_failures=2)) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        assert bob.worker is not None
        bob.prover.failures = 2
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        await trio.sleep(60)
        assert "2 failures in a row" in bob.worker.pause.reason
        [refused] = await alice.requester.submit(MODEL_DIGEST, [pair(3, 4)], TERMS)
        assert "paused" in refused.reason
        # What was promised before is kept, and a proof that is paid ends the pause.
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED
        assert bob.worker.pause.reason == ""
        [taken] = await alice.requester.submit(MODEL_DIGEST, [pair(5, 6)], TERMS)
        assert taken.state == TaskState.ANSWERED


@pytest.mark.parametrize(("listed", "answered"), [("deny", False), ("allow", True)])
async def test_lists_decide_who_is_served(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock, listed: str, answered: bool
) -> None:
    strategy = replace(CostPlus(20), **{listed: frozenset({account_of("alice")})})  # type: ignore[arg-type]
    async with (
        driver.node("bob", worker=replace(SINGLE, strategy=strategy)),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert (outcome.state == TaskState.ANSWERED) is answered
        assert answered or "not-served" in outcome.reason
