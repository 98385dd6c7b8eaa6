"""Bad offers from the network: declined once, with a reason that the other side reads; the node goes on."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import Topic
from p2pnode.protocol.codec import encode
from p2pnode.protocol.eip712 import Domain, sign
from p2pnode.protocol.messages import Decline, DeclineCode
from tests.sim.driver import Driver
from tests.sim.fake_chain import CONTRACT
from tests.sim.fake_clock import START
from tests.sim.fake_compute import MODEL_DIGEST
from tests.sim.mallory import KEY, Mallory, still_works


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (lambda m: b"\xff\x00garbage", DeclineCode.MALFORMED, "indefinite or reserved length"),
        (lambda m: encode(m.offer), DeclineCode.MALFORMED, "type is 'offer'; give 'signed-offer'"),
        (
            lambda m: encode(sign(m.driver.world.domain, m.offer, b"\x08" * 32)),
            DeclineCode.BAD_SIGNATURE,
            "it must be by 0x",
        ),
        (
            lambda m: encode(sign(Domain(1, CONTRACT), m.offer, KEY)),
            DeclineCode.BAD_SIGNATURE,
            "; sign for chain 31337 if it was made for another",
        ),
        (
            lambda m: encode(m.signed(pay_token=b"\x01" * 20)),
            DeclineCode.WRONG_CHAIN,
            "on chain 31337, where the token is 0x7070",
        ),
        (
            lambda m: encode(m.signed(result_deadline=START)),
            DeclineCode.EXPIRED,
            f"result_deadline is {START}",
        ),
        (
            lambda m: encode(m.signed(settle_deadline=START + 61)),
            DeclineCode.EXPIRED,
            f"so at least {START + 120}",
        ),
        (lambda m: encode(m.signed(price_max=1)), DeclineCode.MALFORMED, "price_max is 1; give at least"),
        (
            lambda m: encode(m.signed(price_min=1, price_max=19)),
            DeclineCode.PRICE_TOO_LOW,
            "this worker asks 20",
        ),
        (
            lambda m: encode(m.signed(price_min=996, price_max=2000)),
            DeclineCode.ESCROW_TOO_LOW,
            "free escrow is 1000; this task costs 1001 and 0 is owed for others, so deposit 1 more",
        ),
        (
            lambda m: encode(m.signed(model_digest=b"\x05" * 32)),
            DeclineCode.UNKNOWN_MODEL,
            "is not registered",
        ),
        (
            lambda m: encode(m.signed(min_stake=10_000)),
            DeclineCode.STAKE_TOO_LOW,
            "this worker has 1000 at stake",
        ),
    ],
)
async def test_bad_offers_are_declined_once(
    driver: Driver,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    data: Callable[[Mallory], bytes],
    code: DeclineCode,
    says: str,
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        sent = data(mallory)
        said = await mallory.offers(sent)
        assert isinstance(said, Decline)
        assert said.code == code
        assert says in said.reason
        await mallory.bus.publish(Topic.OFFERS, sent)
        await trio.sleep(1)
        assert len(mallory.heard) == 1, "the same offer again is not answered again"
        await still_works(driver, bob, requester)


async def test_a_model_that_cannot_be_had_or_run_is_named(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        other = await bob.context.blobs.put(b"another model")
        listing = driver.world.listings[MODEL_DIGEST]
        driver.world.listings[other] = replace(listing, model_digest=other)
        driver.world.listings[b"\x09" * 32] = replace(listing, model_digest=b"\x09" * 32)
        said = await mallory.offers(encode(mallory.signed(model_digest=other)))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.MODEL_UNSUPPORTED
        assert "operator Frobnicate is not supported" in said.reason
        said = await mallory.offers(encode(mallory.signed(model_digest=b"\x09" * 32)))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.MODEL_UNAVAILABLE
        driver.world.listings[MODEL_DIGEST] = replace(listing, retired=True)
        said = await mallory.offers(encode(mallory.signed()))
        assert isinstance(said, Decline)
        assert (said.code, "retired" in said.reason) == (DeclineCode.UNKNOWN_MODEL, True)


async def test_open_bids_hold_places_escrow_and_nonces(driver: Driver, autojump_clock: MockClock) -> None:
    small = WorkerSettings(capacity=3, strategy=CostPlus(20), batch_size=4, batch_seconds=30, bid_seconds=10)
    async with driver.node("bob", worker=small):
        mallory = Mallory(driver, escrow=60)
        await mallory.bid(nonce=1)
        said = await mallory.offers(encode(mallory.signed(nonce=1, price_max=99)))
        assert isinstance(said, Decline)
        assert "pays once; draw another" in said.reason
        await mallory.bid(nonce=2)
        said = await mallory.offers(encode(mallory.signed(nonce=3)))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.ESCROW_TOO_LOW
        driver.world.escrow[mallory.account] = 1000
        await mallory.bid(nonce=4)
        said = await mallory.offers(encode(mallory.signed(nonce=5)))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.AT_CAPACITY
        await trio.sleep(25)
        await mallory.bid(nonce=6)


async def test_a_flood_of_bad_offers_is_not_answered_one_by_one(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        for i in range(1000):
            await mallory.bus.publish(Topic.OFFERS, b"junk" + i.to_bytes(4, "big"))
        await trio.sleep(10)
        assert len(mallory.heard) == 64
        await still_works(driver, bob, requester)
