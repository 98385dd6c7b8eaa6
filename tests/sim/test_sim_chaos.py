"""Whatever breaks at random moments: nothing lost, nothing paid twice, no promise broken."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.sim.chaos import run


@pytest.mark.parametrize("seed", range(4))
async def test_random_kills_lose_nothing(tmp_path: Path, autojump_clock: MockClock, seed: int) -> None:
    report = await run(tmp_path, seed, kills=5)
    assert report.kills > 0
    assert (report.lost, report.paid_twice, report.slashable, report.without_receipt) == (0, 0, 0, 0)
