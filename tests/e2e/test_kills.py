"""Real processes on a real chain, killed with SIGKILL: nothing lost, nothing paid twice, no promise broken.

P2PNODE_KILLS says how many random kills. The proofs are real.
"""

import os
import random
from dataclasses import asdict
from pathlib import Path

import pytest
import trio

from tests.e2e.kill_network import KillNetwork, open_kill_network, until
from tests.e2e.killed_node import Fault
from tests.reliability import record
from tests.sim.test_sim_chaos import NOTHING

pytestmark = [pytest.mark.e2e, pytest.mark.deep]

KILLS = int(os.environ.get("P2PNODE_KILLS", "100"))
SETTLE_SECONDS = 3600
OFFER_SECONDS = 60
FINAL_SECONDS = 15
"""In this time a node looks for what became final two or three times."""
TRIES = 3


async def test_killed_at_random_times(tmp_path: Path) -> None:
    rng = random.Random(1)
    started = trio.current_time()
    async with open_kill_network(tmp_path / "n") as network:
        async with trio.open_nursery() as nursery:

            async def buy() -> None:
                while True:
                    if network.is_alive("alice"):
                        await network.submit(2)
                    await trio.sleep(rng.uniform(5, 20))

            nursery.start_soon(buy)
            for _ in range(KILLS):
                await trio.sleep(rng.uniform(0, 8))
                victim = rng.choice(["alice", "bob", "carol"])
                await network.kill(victim)
                await trio.sleep(rng.uniform(0, 3))
                await network.start(victim)
            nursery.cancel_scope.cancel()
        report = await network.finish(SETTLE_SECONDS)
    record("processes, at random times", {**asdict(report), "seconds": trio.current_time() - started})
    assert report.kills == KILLS
    assert report.paid > 0
    assert report.losses == NOTHING


@pytest.mark.parametrize("victim", ["alice", "bob"])
async def test_killed_at_every_ledger_write(tmp_path: Path, victim: str) -> None:
    """One life after the other, each with a task of its own, ends before or after a write that no life ended
    at, until there is none left; the next life begins with what the last one left undone."""
    started = trio.current_time()
    async with open_kill_network(tmp_path / "n") as network:
        await network.stop("carol")
        seen = tmp_path / "seen"
        await network.stop(victim)
        await network.start(victim, Fault(seen))
        await network.submit(1)
        await until(network.is_idle, SETTLE_SECONDS)
        await network.finalise()
        await trio.sleep(FINAL_SECONDS)
        first = writes(seen)
        faults = [Fault(seen, name, after) for name in first for after in (False, True)]
        died = []
        for fault in faults:
            await network.stop(victim)
            await network.start(victim, fault)
            if await dies(network, victim):
                died.append(fault)
            known = {fault.name for fault in faults}
            faults += [
                Fault(seen, name, after)
                for name in writes(seen)
                if name not in known
                for after in (False, True)
            ]
        await network.stop(victim)
        await network.start(victim)
        await network.start("carol")
        report = await network.finish(SETTLE_SECONDS)
    print(
        *(f"{fault.name} {'after' if fault.after else 'before'} {fault in died}" for fault in faults),
        sep="\n",
    )
    record(
        f"processes, {victim} before and after every write",
        {**asdict(report), "writes": len(faults) // 2, "seconds": trio.current_time() - started},
    )
    # Writes that only a recovery makes come again only by chance.
    assert [fault for fault in faults if fault not in died and fault.name in first] == []
    assert report.paid == report.awarded
    assert report.losses == NOTHING


def writes(seen: Path) -> list[str]:
    """Names of the ledger's writes, in the order in which they first came."""
    return list(dict.fromkeys(filter(None, seen.read_text().splitlines())))


async def dies(network: KillNetwork, victim: str) -> bool:
    """Offer a task, up to TRIES times; whether the victim dies before its settlement is final."""

    async def over() -> bool:
        return not network.is_alive(victim) or await network.is_idle()

    for _ in range(TRIES):
        async with trio.open_nursery() as nursery:
            offered = trio.Event()
            nursery.start_soon(offer, network, offered)
            with trio.move_on_after(OFFER_SECONDS):
                await offered.wait()
            await until(over, SETTLE_SECONDS)
            nursery.cancel_scope.cancel()
        if network.is_alive(victim):
            await network.finalise()
            await trio.sleep(FINAL_SECONDS)
        if not network.is_alive(victim):
            network.report.kills += 1
            return True
    return False


async def offer(network: KillNetwork, offered: trio.Event) -> None:
    """Offer one task; `offered` is set once it is in the ledger, or could not be offered."""
    await network.submit(1, offered.set)
    offered.set()
