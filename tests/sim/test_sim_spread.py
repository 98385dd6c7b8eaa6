"""Work spreads over workers that are equally good."""

from collections import Counter
from typing import Any

import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from tests.reliability import record
from tests.sim.driver import TERMS, Driver, Node
from tests.sim.fake_compute import MODEL_DIGEST, pair

EQUAL = WorkerSettings(capacity=16, strategy=CostPlus(10), batch_size=4, batch_seconds=20)
WORKERS, OFFERS, REQUESTERS = 10, 200, 4


def jain(shares: list[int]) -> float:
    """Jain's fairness index, 1 for equal shares and 1/n for all in one hand (Jain, Chiu, Hawe 1984)."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


async def test_two_hundred_offers_spread_over_ten_equal_workers(
    driver: Driver, autojump_clock: MockClock
) -> None:
    wants = RequesterSettings(bid_wait=0.5, answer_seconds=10.0, enough_bids=WORKERS)
    winners: Counter[bytes] = Counter()

    async def buy(node: Node, offset: int) -> None:
        assert node.requester is not None
        await trio.sleep(offset)
        for index in range(OFFERS // REQUESTERS):
            [outcome] = await node.requester.submit(MODEL_DIGEST, [pair(offset, index)], TERMS)
            assert outcome.state == TaskState.ANSWERED, outcome.reason
            winners[outcome.worker] += 1
            await trio.sleep(4)

    async with trio.open_nursery() as nursery:
        names = [f"worker{index}" for index in range(WORKERS)]
        buyers: list[Node] = []
        for name in names:
            await nursery.start(keep, driver, name, {"worker": EQUAL}, None)
        for index in range(REQUESTERS):
            await nursery.start(keep, driver, f"buyer{index}", {"requester": wants}, buyers)
        async with trio.open_nursery() as buying:
            for offset, node in enumerate(buyers):
                buying.start_soon(buy, node, offset)
        nursery.cancel_scope.cancel()
    assert winners.total() == OFFERS
    fairness = jain([winners[account] for account in driver.world.nodes])
    record(f"{OFFERS} offers on {WORKERS} equal workers", {"Jain's_index": fairness})
    assert fairness >= 0.9, winners


async def keep(
    driver: Driver,
    name: str,
    sides: dict[str, object],
    opened: list[Node] | None,
    task_status: Any = trio.TASK_STATUS_IGNORED,
) -> None:
    """A node that stays open beside the others."""
    async with driver.node(name, **sides) as node:  # type: ignore[arg-type]
        if opened is not None:
            opened.append(node)
        task_status.started()
        await trio.sleep_forever()
