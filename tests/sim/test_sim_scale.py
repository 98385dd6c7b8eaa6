"""Every task is answered rightly and paid to an honest worker, however many nodes there are."""

from dataclasses import asdict
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.reliability import record
from tests.sim.scale import simulate


@pytest.mark.parametrize(
    ("nodes", "tasks"),
    [(10, 6), pytest.param(50, 12, marks=pytest.mark.deep), pytest.param(200, 12, marks=pytest.mark.deep)],
)
async def test_tasks_survive_loss_delay_partition_and_liars(
    tmp_path: Path, autojump_clock: MockClock, nodes: int, tasks: int
) -> None:
    scale = await simulate(tmp_path, nodes, tasks, seed=3)
    record("scale", asdict(scale))
    assert scale.settled == scale.tasks
    assert scale.liars == round(0.2 * (nodes - 3))
