"""Killed at any write and started again, a node loses nothing and nothing is paid twice."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import OPEN, TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Role
from p2pnode.protocol.receipt import check_receipt, parse_receipt
from p2pnode.store import open_store
from tests.reliability import record
from tests.sim.driver import MODEL_FEE, TERMS, Driver, Node, account_of
from tests.sim.fake_chain import MODEL_OWNER
from tests.sim.fake_compute import MODEL_DIGEST, double, pair
from tests.sim.fake_network import Killed
from tests.sim.faults import FaultyLedger

INPUTS = [pair(1, 2), pair(3, 4)]
PRICE = 20
QUICK = WorkerSettings(capacity=8, strategy=CostPlus(PRICE), batch_size=2, batch_seconds=30)
DOWN_SECONDS = 5
END_SECONDS = 1000
"""By then every deadline of TERMS has passed."""


async def live(
    driver: Driver,
    name: str,
    fault: tuple[int, bool] | None,
    life: Callable[[Node, bool], Awaitable[None]],
    **sides: Any,
) -> None:
    """Live with the ledger of `name`; with a fault, die at it and live a second time."""
    if fault is not None:
        with trio.CancelScope() as scope:

            def die() -> None:
                driver.net.gone.add(name)
                scope.cancel()

            def faulty(connection: sqlite3.Connection) -> FaultyLedger:
                return FaultyLedger(
                    connection, lambda name, number: number == fault[0], after=fault[1], on_kill=die
                )

            try:
                async with driver.node(name, ledger=faulty, **sides) as node:
                    await life(node, False)
                    await trio.sleep_forever()
            except* Killed:
                pass
        await trio.sleep(DOWN_SECONDS)
        driver.net.gone.discard(name)
    async with driver.node(name, **sides) as node:
        await life(node, fault is not None)
        await trio.sleep_forever()


async def scenario(driver: Driver, victim: str, fault: tuple[int, bool], settings: RequesterSettings) -> bool:
    """alice gives bob two tasks and one of them dies at the fault; whether it came to that."""
    died = False

    async def work(node: Node, again: bool) -> None:
        nonlocal died
        died = died or again

    async def submit(node: Node, again: bool) -> None:
        nonlocal died
        died = died or again
        assert node.requester is not None
        if not again:
            await node.requester.submit(MODEL_DIGEST, INPUTS, TERMS)

    bob, alice = (fault if victim == name else None for name in ("bob", "alice"))
    with trio.move_on_after(END_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: live(driver, "bob", bob, work, worker=QUICK))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(lambda: live(driver, "alice", alice, submit, requester=settings))
    return died


def check(driver: Driver) -> int:
    """The invariants over both ledgers and the chain; how many tasks were paid."""
    world, paid = driver.world, len(driver.world.nonces)
    assert world.balances[account_of("bob")] == PRICE * paid
    assert world.balances[MODEL_OWNER] == MODEL_FEE * paid
    assert world.escrow[account_of("alice")] == 10_000 - (PRICE + MODEL_FEE) * paid
    assert not any(reason for batch in world.sent for _, reason in batch), "no task was settled twice"
    with open_store(driver.folder / "bob.db") as bob, open_store(driver.folder / "alice.db") as alice:
        assert bob.open_batches() == []
        assert bob.tasks(Role.WORKER, OPEN[Role.WORKER] - {TaskState.BID}) == []
        assert alice.tasks(Role.REQUESTER, OPEN[Role.REQUESTER]) == []
        settled = alice.tasks(Role.REQUESTER, [TaskState.SETTLED])
        assert len(settled) == paid
        for task in settled:
            assert task.task_id is not None
            assert task.result is not None
            receipt = alice.receipt(task.task_id)
            assert receipt is not None
            assert receipt == bob.receipt(task.task_id)
            check_receipt(parse_receipt(receipt))
            tensors = alice.content(task.offer.message.input_digest)
            assert tensors is not None
            assert alice.content(task.result.message.output_digest) == double(tensors)
    return paid


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("victim", ["alice", "bob"])
async def test_killed_at_every_write(
    tmp_path: Path, requester: RequesterSettings, autojump_clock: MockClock, victim: str, after: bool
) -> None:
    writes, paid = 0, []
    while True:
        folder = tmp_path / str(writes)
        folder.mkdir()
        driver = Driver(folder)
        died = await scenario(driver, victim, (writes + 1, after), requester)
        paid.append(check(driver))
        if not died:
            break
        writes += 1
    offers = len(INPUTS) * (writes + 1)
    figures = {"kills": writes, "offers": offers, "paid": sum(paid)}
    record(f"simulated, {victim} {'after' if after else 'before'} every write", figures)
    # alice: offers, two awards, two answers, two receipts. bob: two bids, awards and answers, then the batch.
    assert writes >= {"alice": 7, "bob": 12}[victim]
    # A worker always finishes. A requester that dies before its award offers nothing after it, and from
    # the award on its tasks go to their end.
    assert paid[-1] == len(INPUTS)
    assert paid == sorted(paid)
    assert victim == "alice" or set(paid) == {len(INPUTS)}
