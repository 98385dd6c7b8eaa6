"""Bad awards and inputs: declined with a reason that the other side reads; the good one is still taken."""

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from p2pnode.errors import MarketError
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import Role
from p2pnode.protocol.codec import encode
from p2pnode.protocol.messages import Answer, Decline, DeclineCode, TaskQuery
from p2pnode.protocol.tensors import encode_tensors, tensors_digest
from tests.sim.driver import TERMS, Driver
from tests.sim.fake_clock import START
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.mallory import INPUT, Mallory


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"bid_hash": b"\x01" * 32}, DeclineCode.UNKNOWN_BID, "bid_hash is 0x0101"),
        ({"offer_hash": b"\x01" * 32}, DeclineCode.UNKNOWN_BID, "made no bid for offer 0101"),
        ({"price": 19}, DeclineCode.PRICE_TOO_LOW, "price is 19; the bid is 20"),
        ({"model_fee": 4}, DeclineCode.PRICE_TOO_LOW, "model_fee is 4; the model's owner asks 5"),
        ({"nonce": 2}, DeclineCode.MALFORMED, "nonce is 2; the offer and bid have 1"),
        ({"settle_deadline": START + 500}, DeclineCode.MALFORMED, "settle_deadline is"),
        ({"worker": b"\x01" * 20}, DeclineCode.MALFORMED, "worker is 0x0101"),
        ({"price": 2000}, DeclineCode.ESCROW_TOO_LOW, "free escrow is 1000"),
    ],
)
async def test_bad_awards_are_declined(
    driver: Driver,
    worker: WorkerSettings,
    autojump_clock: MockClock,
    change: dict[str, object],
    code: DeclineCode,
    says: str,
) -> None:
    async with driver.node("bob", worker=worker):
        mallory = Mallory(driver)
        bid, offer = await mallory.bid()
        said = await mallory.asks("bob", mallory.assignment(mallory.award(bid, offer, **change)))
        assert isinstance(said, Decline)
        assert said.code == code
        assert says in said.reason
        good = await mallory.asks("bob", mallory.assignment(mallory.award(bid, offer)))
        assert isinstance(good, Answer), "the bid still stands"
        again = await mallory.asks("bob", mallory.assignment(mallory.award(bid, offer)))
        assert again == good, "the same award again has the same answer"


async def test_awards_by_others_or_too_late_are_declined(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        bid, offer = await mallory.bid()
        award = mallory.award(bid, offer)
        said = await mallory.asks("bob", mallory.assignment(award, key=b"\x08" * 32))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.BAD_SIGNATURE
        driver.world.nonces.add((mallory.account, offer.nonce))
        said = await mallory.asks("bob", mallory.assignment(award))
        assert isinstance(said, Decline)
        assert "has paid already" in said.reason
        driver.world.nonces.clear()
        await trio.sleep(70)
        said = await mallory.asks("bob", mallory.assignment(award))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.EXPIRED
        for junk in (b"", b"\xff", encode(mallory.signed()), encode(TaskQuery(b"\x01" * 32))):
            assert isinstance(await mallory.asks("bob", junk), Decline)
        assert bob.executor.runs == 1, "only to measure the model"


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (encode_tensors({"x": np.array([1, 2, 3], "f4")}), "the model takes x: float32[2]"),
        (encode_tensors({"x": np.array([1, 2], "f8")}), "the model takes x: float32[2]"),
        (encode_tensors({"z": np.array([1, 2], "f4")}), "the model takes x: float32[2]"),
        (pair(float("nan"), 1), "tensor 'x' has nan at (0,); give finite numbers"),
        (INPUT + b"\0", "1 bytes after their end"),
    ],
)
async def test_wrong_inputs_are_declined(
    driver: Driver, worker: WorkerSettings, autojump_clock: MockClock, tensors: bytes, says: str
) -> None:
    async with driver.node("bob", worker=worker) as bob:
        mallory = Mallory(driver)
        bid, offer = await mallory.bid(input_digest=tensors_digest(tensors))
        said = await mallory.asks("bob", mallory.assignment(mallory.award(bid, offer), tensors))
        assert isinstance(said, Decline)
        assert said.code == DeclineCode.WRONG_INPUT
        assert says in said.reason
        said = await mallory.asks("bob", mallory.assignment(mallory.award(bid, offer), INPUT))
        assert isinstance(said, Decline)
        assert bob.store.tasks(Role.WORKER, [TaskState.ANSWERED]) == []


async def test_the_requester_refuses_its_own_bad_input_before_anything_is_sent(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        for model, inputs, says in [
            (MODEL_DIGEST, [], "inputs is empty"),
            (MODEL_DIGEST, [INPUT, pair(0, float("nan"))], r"inputs\[1\]: tensor 'x' has nan"),
            (b"\x05" * 32, [INPUT], "is not registered"),
            (MODEL_DIGEST, [INPUT] * 96, "free escrow is 10000; 96 tasks cost up to 10080"),
        ]:
            with pytest.raises(MarketError, match=says):
                await alice.requester.submit(model, inputs, TERMS)
        assert alice.events == []
