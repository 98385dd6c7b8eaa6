"""A whole task between alice, bob and carol: offered, bid for, awarded, answered, proved, settled."""

from dataclasses import replace

import numpy as np
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from p2pnode.errors import MarketError
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import OPEN, TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Role, Topic
from p2pnode.protocol.messages import ModelAnnouncement
from p2pnode.protocol.receipt import check_receipt, parse_receipt
from p2pnode.protocol.tensors import decode_tensors, encode_tensors
from tests.sim.driver import MODEL_FEE, TERMS, Driver
from tests.sim.fake_chain import MODEL_OWNER
from tests.sim.fake_compute import IMAGE_ID, MODEL_DIGEST, pair, seal_of


async def test_tasks_are_answered_proved_and_paid(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("carol", worker=worker) as carol,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        inputs = [pair(i, -i) for i in range(4)]
        outcomes = await alice.requester.submit(MODEL_DIGEST, inputs, TERMS)
        assert [outcome.state for outcome in outcomes] == [TaskState.ANSWERED] * 4
        for i, outcome in enumerate(outcomes):
            assert outcome.output is not None
            assert np.array_equal(decode_tensors(outcome.output)["y"], [2 * i, -2 * i])
        settled = await alice.requester.settled([outcome.offer_hash for outcome in outcomes])
        assert [outcome.state for outcome in settled] == [TaskState.SETTLED] * 4

        winners = {outcome.worker for outcome in settled}
        assert len(winners) == 1, "one submission goes to one worker, so that one proof covers it"
        winner = bob if bob.chain.account in winners else carol
        assert len(winner.prover.jobs) == 1
        assert driver.world.balances[winner.chain.account] == 4 * 20
        assert driver.world.balances[MODEL_OWNER] == 4 * MODEL_FEE
        assert driver.world.escrow[alice.chain.account] == 10_000 - 4 * (20 + MODEL_FEE)

        for outcome in settled:
            text = alice.requester.receipt(outcome.task_id)
            assert text is not None
            receipt = parse_receipt(text)
            assert check_receipt(receipt) == (receipt.journal, seal_of(receipt.journal), IMAGE_ID)
            assert receipt.answer_is_proved
            assert winner.store.receipt(outcome.task_id) == text
        names = [name for name, _ in alice.events]
        for before, after in [
            ("offer.published", "bid.received"),
            ("bid.received", "award.sent"),
            ("award.sent", "answer.received"),
            ("answer.received", "receipt.stored"),
        ]:
            assert names.index(before) < names.index(after)
        assert len(winner.named("settlement.confirmed")) == 1
        assert alice.named("task.progress")[-1]["state"] != ""


async def test_a_batch_that_is_not_full_goes_out_in_time(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        answered = trio.current_time()
        await alice.requester.settled([outcome.offer_hash])
        assert answered + worker.batch_seconds <= trio.current_time() <= answered + 60
        assert len(bob.prover.jobs) == 1


async def test_a_worker_is_paid_by_credit_when_it_says_so(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=replace(worker, credit=True)) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        await alice.requester.settled([outcome.offer_hash])
        assert driver.world.credits[bob.chain.account] == 20
        assert not any(driver.world.balances.values())


async def test_nobody_bids(driver: Driver, requester: RequesterSettings, autojump_clock: MockClock) -> None:
    dear = WorkerSettings(capacity=1, strategy=CostPlus(101), batch_size=1, batch_seconds=1)
    async with (
        driver.node("bob", worker=dear),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert outcome.state == TaskState.UNBID
        assert outcome.reason == (
            "nobody bid; 1 declined: price-too-low: price_max is 100; "
            "this worker asks 101, so give at least that"
        )


def rounded_otherwise(tensors: bytes) -> bytes:
    """As a guest that rounds the last bit another way than ONNX Runtime."""
    return encode_tensors({"y": decode_tensors(tensors)["x"] * np.float32(2.0000002)})


async def test_the_answer_is_what_the_guest_gives(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.guest = rounded_otherwise
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert outcome.output == rounded_otherwise(pair(1, 2))
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert parse_receipt(alice.requester.receipt(settled.task_id) or "").answer_is_proved
        assert bob.named("proof.differs") == []


async def test_the_proved_output_counts_when_it_differs(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        # The worker was given another guest after it had answered.
        bob.prover.guest = rounded_otherwise
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED
        receipt = parse_receipt(alice.requester.receipt(settled.task_id) or "")
        assert not receipt.answer_is_proved
        check_receipt(receipt)
        assert len(bob.named("proof.differs")) == 1


async def test_presence_shows_load_and_holders(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)] * 3, TERMS)
        await trio.sleep(20)
        assert alice.presence.load("bob") == 3
        assert list(alice.presence.holders(MODEL_DIGEST)) == ["bob"]
        driver.net.gone.add("bob")
        await trio.sleep(120)
        assert alice.presence.nodes() == []


async def test_services_pass_errors_on_as_they_are(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    with pytest.raises(MarketError, match="mine"):
        async with driver.node("bob", worker=worker, requester=requester):
            raise MarketError("mine")


async def test_junk_on_the_other_topics_is_refused_and_survived(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        for topic in (Topic.NODES, Topic.MODELS):
            await bob.context.bus.publish(topic, b"\xff junk")
            await trio.testing.wait_all_tasks_blocked()
            assert alice.named("gossip.refused")[-1]["topic"] == topic
        announcement = ModelAnnouncement(MODEL_DIGEST, 33, MODEL_OWNER, MODEL_FEE, "doubler")
        await bob.presence.announce(announcement)
        await trio.testing.wait_all_tasks_blocked()
        assert [seen.announcement for seen in alice.presence.models()] == [announcement]
        assert list(alice.presence.holders(MODEL_DIGEST)) == ["bob"]


@pytest.mark.parametrize("seconds", [1, 9])
async def test_a_cancelled_submission_leaves_nothing_open(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    seconds: int,
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        driver.net.silent.add("bob")
        with trio.move_on_after(seconds) as scope:
            await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert scope.cancelled_caught
        assert alice.store.tasks(Role.REQUESTER, OPEN[Role.REQUESTER]) == []
        driver.net.silent.clear()
        await trio.sleep(100)
        assert bob.store.tasks(Role.WORKER, OPEN[Role.WORKER]) == []
        assert driver.world.escrow[alice.chain.account] == 10_000
