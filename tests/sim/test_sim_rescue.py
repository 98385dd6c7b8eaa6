"""Missed tasks that another worker proves in their worker's place, and what keeps it from doing so."""

from dataclasses import replace

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.rescues.state import GiveUp, RescueState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Role
from p2pnode.protocol.eip712 import rescue_id
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import DeclineCode
from p2pnode.protocol.tensors import encode_tensors, tensors_digest
from tests.sim.driver import MODEL_FEE, TERMS, Driver, Node, account_of
from tests.sim.fake_chain import DAY, MODEL_OWNER
from tests.sim.fake_compute import MODEL_DIGEST, double, pair
from tests.sim.fake_rescues import PENALTY
from tests.sim.mallory import INPUT
from tests.sim.missed import PRICE, report_missed, rescuable

SHARE = PENALTY // 4


@pytest.fixture
def rescuer(worker: WorkerSettings) -> WorkerSettings:
    """The usual worker, that rescues."""
    return replace(worker, rescue=True)


async def test_a_missed_task_is_proved_by_another_and_paid_to_it(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await report_missed(driver)
    await trio.sleep(DAY - 100)
    async with driver.node("carol", worker=rescuer) as carol:
        await trio.sleep(90)
        assert carol.named("rescue.taken") == [], "its own worker may still settle it"
        await trio.sleep(300)
        [taken], [settled] = carol.named("rescue.taken"), carol.named("rescue.settled")
        assert (taken["price"], taken["share"]) == (PRICE, SHARE)
        assert settled["task_id"] == taken["task_id"] == task_id.hex()
        rescue = carol.store.rescue(Role.WORKER, task_id)
        assert rescue is not None
        assert rescue.state == RescueState.RESCUED
        assert rescue.proof is not None
        output = double(INPUT)
        name = rescue_id(driver.world.domain, task_id, account_of("carol"))
        leaves = [leaf(name, MODEL_DIGEST, tensors_digest(INPUT), tensors_digest(output))]
        assert rescue.proof.journal == journal_of(leaves).encode()
        assert carol.context.blobs.has(tensors_digest(output)), "its requester can fetch the answer"
        assert carol.worker is not None
        assert carol.worker.own_state().load == 0
    assert driver.world.balances[account_of("carol")] == PRICE + SHARE
    assert driver.world.balances[MODEL_OWNER] == MODEL_FEE


async def test_a_worker_that_is_not_asked_to_rescues_nothing(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    async with driver.node("carol", worker=worker) as carol:
        await trio.sleep(600)
        assert carol.named("rescue.taken") == []


async def test_a_worker_rescues_no_task_of_its_own(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await rescuable(driver)
    async with driver.node("bob", worker=rescuer) as bob:
        await trio.sleep(300)
        [declined] = bob.named("rescue.declined")
        assert declined["code"] == DeclineCode.NOT_SERVED
        assert bob.store.rescue(Role.WORKER, task_id) is None


async def test_what_does_not_pay_is_left(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await rescuable(driver, price=30)
    # An hour of proving has to earn so much that the 20 seconds of it cost 131.
    dear = replace(rescuer, strategy=CostPlus(20, hour_price=131 * 180))
    async with driver.node("carol", worker=dear) as carol:
        await trio.sleep(300)
        [declined] = carol.named("rescue.declined")
        assert declined["code"] == DeclineCode.PRICE_TOO_LOW
        assert declined["reason"].startswith(f"price 30 and share of the stake {SHARE} are less than the 131")
        # Looked at again, and told once.
        await trio.sleep(2000)
        assert len(carol.named("rescue.declined")) == 1
    just = replace(rescuer, strategy=CostPlus(20, hour_price=130 * 180))
    async with driver.node("carol", worker=just) as carol:
        await trio.sleep(300)
        assert [settled["task_id"] for settled in carol.named("rescue.settled")] == [task_id.hex()]


async def test_the_slower_of_two_gives_up_and_ends_its_proof(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await rescuable(driver)
    async with driver.node("carol", worker=rescuer) as carol, driver.node("dave", worker=rescuer) as dave:
        dave.prover.seconds = 10_000
        await trio.sleep(300)
        assert len(carol.named("rescue.settled")) == 1
        [ended] = dave.named("rescue.ended")
        assert ended["code"] == GiveUp.OUTRUN
        rescue = dave.store.rescue(Role.WORKER, task_id)
        assert rescue is not None
        assert rescue.reason == f"outrun: {ended['reason']}"
        assert dave.worker is not None
        assert dave.worker.own_state().load == 0
    assert driver.world.balances[account_of("dave")] == 0


async def test_one_that_was_proved_and_outrun_costs_no_verification(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await rescuable(driver)
    async with driver.node("dave", worker=rescuer) as dave:
        await until_taken(dave)
        # The proof is done in ten seconds from here, when the chain is cut off.
        await trio.sleep(10)
        driver.world.down = True
        await trio.sleep(60)
        assert dave.named("rescue.proved")
        driver.world.down = False
        report = driver.world.reports[task_id]
        report.open = False
        driver.world.nonces.add((report.award.message.requester, report.award.message.nonce))
        await trio.sleep(300)
        [ended] = dave.named("rescue.ended")
        assert ended["code"] == GiveUp.OUTRUN
        assert ended["reason"] == "another award under its nonce was paid"
    assert driver.world.proved == set()


async def until_taken(node: Node) -> None:
    """Wait until a rescue is in the ledger."""
    for _ in range(100):
        if node.named("rescue.taken"):
            return
        await trio.sleep(1)
    raise AssertionError("it took nothing within 100 s")


async def test_an_input_that_cannot_be_run_is_left_without_a_proof(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    poison = encode_tensors({"z": np.array([1, 2], "f4")})
    await rescuable(driver, tensors=poison)
    async with driver.node("carol", worker=rescuer) as carol:
        await trio.sleep(300)
        [ended] = carol.named("rescue.ended")
        assert ended["code"] == GiveUp.UNRUNNABLE
        assert carol.prover.jobs == []


async def test_papers_that_are_not_the_awards_are_refused(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    task_id = await rescuable(driver)
    report = driver.world.reports[task_id]
    assert report.papers is not None
    honest = report.papers
    dearer = replace(honest.award, message=replace(honest.award.message, price=10_000))
    for papers, code in (
        (replace(honest, tensors=pair(9, 9)), DeclineCode.WRONG_INPUT),
        (replace(honest, award=dearer), DeclineCode.MALFORMED),
    ):
        report.papers = papers
        async with driver.node("carol", worker=rescuer) as carol:
            await trio.sleep(100)
            [declined] = carol.named("rescue.declined")
            assert declined["code"] == code
            assert carol.store.rescues(Role.WORKER, RescueState) == []


async def test_a_prover_that_fails_every_time_gives_up(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    async with driver.node("carol", worker=rescuer) as carol:
        carol.prover.failures = 100
        await trio.sleep(600)
        [ended] = carol.named("rescue.ended")
        assert ended["code"] == GiveUp.UNPROVABLE
        assert carol.worker is not None
        assert carol.worker.pause.reason, "and the worker bids no more until its operator has looked"


async def test_no_promise_becomes_late_by_a_rescue(
    driver: Driver, rescuer: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    async with driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        # Two proofs of 400 seconds do not fit before the deadline, 660 seconds from the offer.
        slow = replace(rescuer, batch_seconds=0)
        async with driver.node("carol", worker=replace(slow, rescue=False), proof_seconds=400):
            [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(3, 4)], TERMS)
            assert outcome.state == TaskState.ANSWERED
        async with driver.node("carol", worker=slow, proof_seconds=400) as carol:
            await trio.sleep(100)
            [declined] = carol.named("rescue.declined")
            assert declined["code"] == DeclineCode.CANNOT_FINISH
            [settled] = await alice.requester.settled([outcome.offer_hash])
            assert settled.state == TaskState.SETTLED
            await trio.sleep(2000)
            assert len(carol.named("rescue.settled")) == 1, "once there is room"


async def test_no_bid_is_made_that_a_rescue_makes_late(
    driver: Driver, rescuer: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    async with (
        driver.node("carol", worker=rescuer, proof_seconds=400) as carol,
        driver.node("alice", requester=requester) as alice,
    ):
        await until_taken(carol)
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(3, 4)], TERMS)
        assert outcome.state == TaskState.UNBID
        assert carol.named("offer.declined")[0]["code"] == DeclineCode.CANNOT_FINISH


async def test_a_window_that_is_too_short_is_left(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    await trio.sleep(DAY - 80)
    async with driver.node("carol", worker=rescuer, proof_seconds=30) as carol:
        await trio.sleep(100)
        [declined] = carol.named("rescue.declined")
        assert declined["code"] == DeclineCode.CANNOT_FINISH


async def test_a_chain_that_is_away_until_the_window_ends(
    driver: Driver, rescuer: WorkerSettings, autojump_clock: MockClock
) -> None:
    await rescuable(driver)
    await trio.sleep(DAY - 300)
    async with driver.node("carol", worker=rescuer) as carol:
        await until_taken(carol)
        driver.world.down = True
        await trio.sleep(1200)
        [ended] = carol.named("rescue.ended")
        assert ended["code"] == GiveUp.TOO_LATE
