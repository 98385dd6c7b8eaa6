"""A fresh driver for each simulated test.

Tests take `autojump_clock` themselves, since pytest-trio looks for a clock among a test's own arguments:
time jumps when every task waits.
"""

from pathlib import Path

import pytest

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.strategy import CostPlus
from tests.sim.driver import Driver

WORKER = WorkerSettings(capacity=32, strategy=CostPlus(20), batch_size=4, batch_seconds=30)
REQUESTER = RequesterSettings(bid_wait=2.5, answer_seconds=10.0)


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """No nodes yet; MODEL is registered."""
    return Driver(tmp_path)


@pytest.fixture
def worker() -> WorkerSettings:
    """Asks 20, which the usual ramp pays after two seconds."""
    return WORKER


@pytest.fixture
def requester() -> RequesterSettings:
    """Waits two and a half seconds for bids and ten for an answer."""
    return REQUESTER
