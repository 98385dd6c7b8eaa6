"""Ten thousand offers from strangers do not keep a worker from honest ones."""

import random
from dataclasses import replace
from pathlib import Path

import trio
from eth_keys.datatypes import PrivateKey
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import Topic
from p2pnode.protocol.codec import encode
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.messages import Offer
from tests.reliability import record
from tests.sim.driver import TERMS, Driver
from tests.sim.fake_chain import TOKEN
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.fake_network import FakeBus

STRANGERS, EACH, SECONDS = 20, 500, 100
TASKS = 20
READ_SECONDS = 0.05
"""What a look at the chain takes."""


async def time_of_tasks(
    folder: Path, worker: WorkerSettings, requester: RequesterSettings, flooded: bool
) -> float:
    """Mean seconds from an honest offer to its answer, with or without strangers' offers beside it."""
    driver = Driver(folder)
    driver.ethereum.read_seconds = READ_SECONDS
    times = []
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
        trio.open_nursery() as nursery,
    ):
        if flooded:
            for index in range(STRANGERS):
                nursery.start_soon(flood, driver, index)
        assert alice.requester is not None
        for index in range(TASKS):
            started = trio.current_time()
            [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(index, 1)], TERMS)
            assert outcome.state == TaskState.ANSWERED, outcome.reason
            times.append(trio.current_time() - started)
        if flooded:
            refused = len(bob.named("offer.declined")) + len(bob.named("offer.dropped"))
            assert refused > STRANGERS * EACH / 10, "the flood was there"
        nursery.cancel_scope.cancel()
    return sum(times) / len(times)


async def flood(driver: Driver, index: int) -> None:
    """A stranger who signs well-formed offers that no escrow covers, as fast as it takes for all of them."""
    key = bytes([index + 1]) * 32
    account = PrivateKey(key).public_key.to_canonical_address()
    bus, rng, now = FakeBus(driver.net, f"stranger{index}"), random.Random(index), FakeClock().now()
    offer = Offer(account, MODEL_DIGEST, b"\1" * 32, 50, 50, now, now, now + 600, now + 6000, 0, TOKEN, 0)
    for _ in range(EACH):
        signed = sign(driver.world.domain, replace(offer, nonce=rng.getrandbits(200)), key)
        await bus.publish(Topic.OFFERS, encode(signed))
        await trio.sleep(SECONDS / EACH)


async def test_a_flood_of_strangers_slows_honest_offers_by_less_than_two(
    tmp_path: Path, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    for name in ("calm", "flooded"):
        (tmp_path / name).mkdir()
    calm = await time_of_tasks(tmp_path / "calm", worker, requester, False)
    flooded = await time_of_tasks(tmp_path / "flooded", worker, requester, True)
    figures = {"seconds_of_an_honest_task": flooded, "seconds_without_the_flood": calm}
    record(f"{STRANGERS * EACH:,} offers from strangers", figures)
    assert flooded < 2 * calm
