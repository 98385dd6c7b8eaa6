"""Real processes on a real chain, killed with SIGKILL: nothing lost, nothing paid twice, no promise broken.

P2PNODE_KILLS says how many random kills; the proofs are real, so that a hundred take hours.
"""

import os
import random
from dataclasses import asdict
from pathlib import Path

import pytest
import trio

from tests.e2e.kill_network import KillNetwork, open_kill_network, until
from tests.reliability import record
from tests.sim.test_sim_chaos import NOTHING

pytestmark = [pytest.mark.e2e, pytest.mark.deep]

KILLS = int(os.environ.get("P2PNODE_KILLS", "100"))
SETTLE_SECONDS = 3600


async def test_killed_at_random_times(tmp_path: Path) -> None:
    rng = random.Random(1)
    async with open_kill_network(tmp_path / "n") as network:
        async with trio.open_nursery() as nursery:

            async def buy() -> None:
                while True:
                    if network.is_alive("alice"):
                        await network.submit(2)
                    await trio.sleep(rng.uniform(5, 20))

            nursery.start_soon(buy)
            for _ in range(KILLS):
                await trio.sleep(rng.uniform(2, 20))
                victim = rng.choice(["alice", "bob", "carol"])
                await network.kill(victim)
                await trio.sleep(rng.uniform(0, 3))
                await network.start(victim)
            nursery.cancel_scope.cancel()
        report = await network.finish(SETTLE_SECONDS)
    record("processes, at random times", asdict(report))
    assert report.kills == KILLS
    assert report.paid > 0
    assert report.losses == NOTHING


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("victim", ["alice", "bob"])
async def test_killed_at_every_ledger_write(tmp_path: Path, victim: str, when: str) -> None:
    """One task after the other; in the Nth the victim dies at its Nth write, until it survives one."""
    async with open_kill_network(tmp_path / "n") as network:
        await network.stop("carol")
        at = 0
        while True:
            at += 1
            if not await died(network, victim, at, when):
                break
        await network.start("carol")
        report = await network.finish(SETTLE_SECONDS)
    record(f"processes, {victim} {when} every write", asdict(report))
    assert report.kills >= 5
    assert report.losses == NOTHING


async def died(network: KillNetwork, victim: str, at: int, when: str) -> bool:
    """One task with the victim told to die; whether it did before the task was over."""
    await network.stop(victim)
    await network.start(victim, kill_at=(at, when))
    with trio.move_on_after(60):
        await network.submit(1)

    async def over() -> bool:
        return not network.is_alive(victim) or not await network.open_tasks()

    await until(over, SETTLE_SECONDS)
    dead = not network.is_alive(victim)
    if dead:
        network.report.kills += 1
        await network.start(victim)
    return dead
