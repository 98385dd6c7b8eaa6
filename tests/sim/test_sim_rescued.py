"""The requester whose worker vanished: it publishes the input if it is told to, and gets a proved answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio
from trio.testing import MockClock

from p2pnode.market.requester import TaskOutcome
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from tests.sim.driver import TERMS, Driver, Node, account_of
from tests.sim.fake_chain import DAY
from tests.sim.fake_compute import MODEL_DIGEST, double, pair
from tests.sim.fake_rescues import PENALTY

REQUESTER = RequesterSettings(bid_wait=2.0, answer_seconds=10.0, poll_seconds=60.0, publish_input=True)
DEADLINE = TERMS.result_seconds + TERMS.settle_seconds
INPUT = pair(1, 2)


@asynccontextmanager
async def abandoned(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings
) -> AsyncIterator[tuple[Node, TaskOutcome]]:
    """alice, a while after the deadline of a task that bob took and never answered."""
    async with driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        async with driver.node("bob", worker=worker) as bob:
            vars(bob.executor)["run"] = partial(_run_all_but, INPUT, bob.executor.run)
            [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        assert outcome.state == TaskState.UNANSWERED
        await trio.sleep(DEADLINE + 200)
        yield alice, outcome


async def _run_all_but(
    forgotten: bytes, run: Callable[[Path, bytes], Awaitable[bytes]], model: Path, tensors: bytes
) -> bytes:
    if tensors == forgotten:
        await trio.sleep_forever()
    return await run(model, tensors)


async def test_a_task_that_nobody_answered_is_reported_rescued_and_answered(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with abandoned(driver, worker, REQUESTER) as (alice, outcome):
        assert alice.requester is not None
        assert alice.requester.outcome(outcome.offer_hash).state == TaskState.REPORTED
    cost = outcome.price + outcome.model_fee
    assert driver.world.escrow[account_of("alice")] == 10_000 - cost
    await trio.sleep(DAY)
    async with (
        driver.node("carol", worker=replace(worker, rescue=True)),
        driver.node("alice", requester=REQUESTER) as alice,
    ):
        await trio.sleep(300)
        assert alice.requester is not None
        found = alice.requester.outcome(outcome.offer_hash)
        assert found.state == TaskState.SETTLED
        assert found.output == double(INPUT)
        assert found.reason == f"proved by 0x{account_of('carol').hex()} in its worker's place"
        [rescued] = alice.named("report.rescued")
        assert rescued["answer"] is True
    assert driver.world.balances[account_of("carol")] == outcome.price + PENALTY // 4
    assert driver.world.escrow[account_of("alice")] == 10_000 - cost


async def test_a_report_that_nobody_rescues_gives_the_price_back(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with abandoned(driver, worker, REQUESTER) as (_, outcome):
        pass
    await trio.sleep(2 * DAY)
    async with driver.node("alice", requester=REQUESTER) as alice:
        await trio.sleep(130)
        assert alice.requester is not None
        found = alice.requester.outcome(outcome.offer_hash)
        assert (found.state, found.reason) == (TaskState.UNANSWERED, "not answered under report either")
    assert driver.world.escrow[account_of("alice")] == 10_000
    assert driver.world.slashed == []


async def test_a_worker_that_comes_back_settles_what_it_never_answered(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with abandoned(driver, worker, REQUESTER) as (alice, outcome):
        async with driver.node("bob", worker=worker):
            await trio.sleep(400)
        assert alice.requester is not None
        found = alice.requester.outcome(outcome.offer_hash)
        assert (found.state, found.output) == (TaskState.SETTLED, double(INPUT))
        assert alice.requester.receipt(outcome.task_id)


async def test_an_input_is_published_only_where_the_requester_says_so(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with abandoned(driver, worker, replace(REQUESTER, publish_input=False)) as (alice, outcome):
        assert alice.requester is not None
        assert alice.requester.outcome(outcome.offer_hash).state == TaskState.UNANSWERED
    assert driver.world.reports == {}
