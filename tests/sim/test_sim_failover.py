"""When the worker that was awarded first fails: another one is awarded, whoever settles first is paid, and
the requester finds the receipt with that one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Role, StreamProtocol
from p2pnode.protocol.codec import decode_any
from p2pnode.protocol.messages import Assignment
from p2pnode.protocol.receipt import check_receipt, parse_receipt
from p2pnode.protocol.tensors import decode_tensors, encode_tensors
from tests.sim.driver import TERMS, Driver, Node
from tests.sim.fake_compute import MODEL_DIGEST, double, pair

CHEAP = WorkerSettings(capacity=32, strategy=CostPlus(10), batch_size=1, batch_seconds=1)
"""bob, who is awarded first and settles at once."""


def lose_answers(driver: Driver, *, times: int) -> None:
    """Lose bob's next `times` answers on the way; what he says of his tasks arrives."""
    handle, most = driver.net.buses["bob"].handlers[StreamProtocol.TASK]
    left = times

    async def lossy(peer: str, data: bytes) -> bytes:
        nonlocal left
        response = await handle(peer, data)
        if left and isinstance(decode_any(data, most), Assignment):
            left -= 1
            return b""
        return response

    driver.net.buses["bob"].handlers[StreamProtocol.TASK] = (lossy, most)


def check_paid(driver: Driver, alice: Node, bob: Node, task_id: bytes) -> None:
    """bob alone was paid, and alice holds the receipt that he wrote."""
    assert alice.requester is not None
    text = alice.requester.receipt(task_id)
    assert text is not None
    assert text == bob.store.receipt(task_id)
    check_receipt(parse_receipt(text))
    assert driver.world.balances[bob.chain.account] == 10


async def test_failover_when_the_winner_falls_silent(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    cheap = replace(CHEAP, batch_size=4, batch_seconds=30)
    async with (
        driver.node("bob", worker=cheap) as bob,
        driver.node("carol", worker=worker) as carol,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        driver.net.silent.add("bob")
        started = trio.current_time()
        outcomes = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2), pair(3, 4)], TERMS)
        assert {outcome.worker for outcome in outcomes} == {carol.chain.account}
        assert trio.current_time() - started < 20
        assert len(alice.named("task.failover")) == 2
        assert alice.store.reputation(bob.chain.account).failed == 2
        assert alice.store.reputation(carol.chain.account).answered == 2
        driver.net.silent.clear()
        settled = await alice.requester.settled([outcome.offer_hash for outcome in outcomes])
        assert [outcome.state for outcome in settled] == [TaskState.SETTLED] * 2
        assert driver.world.balances[bob.chain.account] == 0
        assert driver.world.balances[carol.chain.account] == 40
        assert len(alice.store.awards(outcomes[0].offer_hash)) == 2


def tripled(tensors: bytes) -> bytes:
    """A model that is not quite MODEL."""
    return encode_tensors({"y": decode_tensors(tensors)["x"] * np.float32(3)})


@pytest.mark.parametrize("computes", [double, tripled])
async def test_the_receipt_comes_from_the_worker_that_was_paid(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    computes: Callable[[bytes], bytes],
) -> None:
    """bob gets the award, but his answer is lost on the way; carol answers too, and bob settles first."""
    async with (
        driver.node("bob", worker=CHEAP) as bob,
        driver.node("carol", worker=worker) as carol,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.guest = bob.executor.model = computes
        lose_answers(driver, times=1)
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert outcome.worker == carol.chain.account
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert (settled.state, settled.worker) == (TaskState.SETTLED, bob.chain.account)
        assert settled.task_id != outcome.task_id
        assert settled.output == computes(pair(1, 2)), "the answer is that of the worker that was paid"
        check_paid(driver, alice, bob, settled.task_id)
        assert driver.world.balances[carol.chain.account] == 0
        await trio.sleep(30)
        assert carol.store.tasks(Role.WORKER, [TaskState.MISSED])[0].reason == (
            "another worker was paid for this offer"
        )
        assert carol.prover.jobs == []


async def test_the_receipt_is_awaited_from_a_paid_worker_that_is_cut_off(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=CHEAP) as bob,
        driver.node("carol", worker=worker) as carol,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        lose_answers(driver, times=1)
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        driver.net.gone.add("bob")
        await trio.sleep(120)
        assert carol.store.tasks(Role.WORKER, [TaskState.MISSED])
        assert alice.requester.outcome(outcome.offer_hash).state == TaskState.ANSWERED
        driver.net.gone.clear()
        [settled] = await alice.requester.settled([outcome.offer_hash])
        check_paid(driver, alice, bob, settled.task_id)


async def test_the_last_worker_vanishes_and_an_earlier_one_settles(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=CHEAP) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        async with driver.node("carol", worker=worker) as carol:
            lose_answers(driver, times=100)
            [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
            assert outcome.worker == carol.chain.account
            driver.net.gone.add("carol")
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.output == outcome.output, "bob's answer never came, and carol's is the same"
        check_paid(driver, alice, bob, settled.task_id)


async def test_paid_without_a_receipt(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=CHEAP) as bob,
        driver.node("carol", worker=worker),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        lose_answers(driver, times=1)
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        driver.net.gone.add("bob")
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert (settled.state, settled.reason) == (
            TaskState.SETTLED,
            "paid, but no worker gave a receipt",
        )
        assert driver.world.balances[bob.chain.account] == 10


async def test_two_unanswered_awards_are_both_asked_about(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    """bob answers and settles, but is not heard; carol never takes the award that follows."""
    async with (
        driver.node("bob", worker=CHEAP) as bob,
        driver.node("carol", worker=worker),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        lose_answers(driver, times=1)
        driver.net.silent.add("carol")
        with trio.move_on_after(25):
            await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        [task] = alice.store.tasks(Role.REQUESTER, [TaskState.UNANSWERED])
        driver.net.silent.clear()
        await trio.sleep(60)
        settled = alice.requester.outcome(task.offer_hash)
        assert settled.state == TaskState.SETTLED
        assert settled.output == double(pair(1, 2))
        check_paid(driver, alice, bob, settled.task_id)
