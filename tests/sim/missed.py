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
from tests.sim.fake_clock import START, FakeClock
from tests.sim.mallory import INPUT, KEY, Mallory

PRICE = 60


async def report_missed(
    driver: Driver, *, nonce: int = 1, price: int = PRICE, tensors: bytes = INPUT
) -> bytes:
    """Report a task of mallory's that bob missed; its ID. Waits for the deadline, if that is to come."""
    mallory = Mallory(driver)
    domain, bob = driver.world.domain, hashlib.sha256(b"bob").digest()
    offer = replace(mallory.offer, nonce=nonce, price_max=price, input_digest=tensors_digest(tensors))
    bid = sign(
        domain, Bid(digest(domain, offer), account_of("bob"), price, START + 10, START + 60, START + 60), bob
    )
    award = sign(domain, mallory.award(bid, offer), KEY)
    await trio.sleep(max(0, offer.settle_deadline + 1 - FakeClock().now()))
    driver.world.report_missed(Papers(offer, bid, award, tensors), mallory.account)
    return digest(domain, award.message)


async def rescuable(driver: Driver, *, price: int = PRICE, tensors: bytes = INPUT) -> bytes:
    """The same, and wait until the rescue window opens."""
    task_id = await report_missed(driver, price=price, tensors=tensors)
    await trio.sleep(DAY)
    return task_id
