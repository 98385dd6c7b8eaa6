"""A chain that cannot be reached for longer than any deadline: what it did meanwhile still counts."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import Role
from tests.sim.driver import TERMS, Driver
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.fake_ethereum import BLOCK_SECONDS


@pytest.mark.parametrize("arrived", [True, False], ids=["sent", "never-sent"])
async def test_a_worker_asks_the_chain_before_it_writes_a_task_off(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    arrived: bool,
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=replace(requester, report=False)) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        assert outcome.state == TaskState.ANSWERED
        # The batch is proved and sent half a minute later.
        if arrived:
            while not driver.ethereum.pool:  # noqa: ASYNC110
                await trio.sleep(0.001)
        driver.world.down = True
        await trio.sleep(BLOCK_SECONDS * 2)
        driver.ethereum.make_blocks()
        # Past the settle deadline and the time for a late transaction.
        await trio.sleep(3000)
        [task] = bob.store.tasks(Role.WORKER, list(TaskState))
        assert task.state not in (TaskState.SETTLED, TaskState.MISSED), "only the chain can tell"
        driver.world.down = False
        await trio.sleep(600)
        [task] = bob.store.tasks(Role.WORKER, list(TaskState))
        assert task.state == (TaskState.SETTLED if arrived else TaskState.MISSED)
        assert task.task_id is not None
        assert (bob.store.receipt(task.task_id) is not None) is arrived
