"""Killed at any write of a rescue and started again, a worker is paid for it once and verifies one proof."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.rescues.state import RescueState
from p2pnode.market.settings import WorkerSettings
from p2pnode.ports import Role
from p2pnode.store import open_store
from tests.reliability import record
from tests.sim.driver import Driver, Node, account_of
from tests.sim.fake_compute import double
from tests.sim.fake_rescues import PENALTY
from tests.sim.mallory import INPUT
from tests.sim.missed import PRICE, rescuable
from tests.sim.test_sim_crash import live

END_SECONDS = 1000
"""From the opening of the window: by then a worker that is killed once has long been paid."""


async def rescue_once(driver: Driver, settings: WorkerSettings, fault: tuple[int, bool]) -> bool:
    """carol rescues a task and dies at the fault; whether it came to that."""
    died = False

    async def work(node: Node, again: bool) -> None:
        nonlocal died
        died = died or again

    task_id = await rescuable(driver)
    with trio.move_on_after(END_SECONDS):
        await live(driver, "carol", fault, work, worker=settings)
    world = driver.world
    assert world.balances[account_of("carol")] == PRICE + PENALTY // 4
    assert world.rescued == {task_id: account_of("carol")}
    assert len(world.proved) == 1
    assert driver.ethereum.counts[account_of("carol")] == 2, "a proof and a rescue, neither of them twice"
    with open_store(driver.folder / "carol.db") as store:
        [rescue] = store.rescues(Role.WORKER, RescueState)
        assert rescue.state == RescueState.RESCUED
        assert rescue.proof is not None
        assert rescue.proof.outputs == (double(INPUT),)
    return died


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_every_write(
    tmp_path: Path, worker: WorkerSettings, autojump_clock: MockClock, after: bool
) -> None:
    settings, writes = replace(worker, rescue=True), 0
    while True:
        folder = tmp_path / str(writes)
        folder.mkdir()
        if not await rescue_once(Driver(folder), settings, (writes + 1, after)):
            break
        writes += 1
    figures = {"kills": writes, "offers": writes + 1, "paid": writes + 1}
    record(f"simulated rescue, {'after' if after else 'before'} every write", figures)
    # Taken, proved, settling, two transactions sent and mined, rescued.
    assert writes >= 8
