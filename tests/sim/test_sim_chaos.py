"""Whatever breaks at random moments: nothing lost, nothing paid twice, no promise broken."""

from dataclasses import asdict
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.reliability import record
from tests.sim.chaos import run

NOTHING = {"lost": 0, "paid_twice": 0, "slashable": 0, "without_receipt": 0}


@pytest.mark.parametrize("seed", range(4))
async def test_random_kills_lose_nothing(tmp_path: Path, autojump_clock: MockClock, seed: int) -> None:
    report = await run(tmp_path, seed, kills=6)
    assert report.kills > 0
    assert report.paid > 0
    assert report.losses == NOTHING


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 200))
async def test_many_random_kills_lose_nothing(tmp_path: Path, autojump_clock: MockClock, seed: int) -> None:
    report = await run(tmp_path, seed, kills=12)
    record("simulated, at random times", asdict(report))
    assert report.losses == NOTHING
