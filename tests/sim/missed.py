"""A task that bob promised and missed, reported with its input, so that others may rescue it."""

import hashlib
from dataclasses import replace

import trio

from p2pnode.ports import Papers
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.protocol.messages import Bid
from p2pnode.protocol.tensors import tensors_digest
from tests.sim.driver import Driver, account_of
from tests.sim.fake_chain import DAY
from tests.sim.fake_clock import FakeClock
from tests.sim.mallory import INPUT, KEY, Mallory

PRICE = 60


async def report_missed(driver: Driver, *, price: int = PRICE, tensors: bytes = INPUT) -> bytes:
    """Have mallory award bob a task that he misses, and report it after its deadline; its ID."""
    mallory = Mallory(driver)
    domain, bob = driver.world.domain, hashlib.sha256(b"bob").digest()
    now = FakeClock().now()
    offer = replace(
        mallory.offer,
        price_max=price,
        input_digest=tensors_digest(tensors),
        ramp_start=now,
        ramp_end=now + 10,
        result_deadline=now + 60,
        settle_deadline=now + 600,
    )
    bid = sign(
        domain, Bid(digest(domain, offer), account_of("bob"), price, now + 10, now + 60, now + 60), bob
    )
    award = sign(domain, mallory.award(bid, offer), KEY)
    await trio.sleep(601)
    driver.world.report_missed(Papers(offer, bid, award, tensors), mallory.account)
    return digest(domain, award.message)


async def rescuable(driver: Driver, *, price: int = PRICE, tensors: bytes = INPUT) -> bytes:
    """The same, and wait until the rescue window opens."""
    task_id = await report_missed(driver, price=price, tensors=tensors)
    await trio.sleep(DAY)
    return task_id
