"""Bad input from the network: refused with a reason that the other side reads; the node goes on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import trio
from eth_keys.datatypes import PrivateKey
from trio.testing import MockClock

from p2pnode.errors import InferenceError, MarketError
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import Role, StreamProtocol, Topic
from p2pnode.protocol.codec import decode, decode_any, encode
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.messages import (
    Answer,
    Assignment,
    Award,
    Bid,
    Decline,
    DeclineCode,
    Offer,
    Signed,
    TaskQuery,
    TaskStatus,
)
from p2pnode.protocol.tensors import encode_tensors, tensors_digest
from tests.driver import (
    CONTRACT,
    MODEL_DIGEST,
    MODEL_FEE,
    START,
    TERMS,
    TOKEN,
    Driver,
    FakeBus,
    Node,
    double,
    pair,
)

KEY = b"\x07" * 32
INPUT = pair(1, 2)


class Mallory:
    """A bare peer with an account, that sends whatever it likes and keeps what it hears on the bid stream."""

    def __init__(self, driver: Driver, escrow: int = 1000) -> None:
        self.driver = driver
        self.account = PrivateKey(KEY).public_key.to_canonical_address()
        self.bus = FakeBus(driver.net, "mallory")
        self.heard: list[object] = []
        self.bus.serve(StreamProtocol.BID, self._hear, max_request=1 << 16)
        driver.world.escrow[self.account] = escrow
        self.offer = Offer(
            requester=self.account,
            model_digest=MODEL_DIGEST,
            input_digest=tensors_digest(INPUT),
            price_min=20,
            price_max=100,
            ramp_start=START,
            ramp_end=START + 10,
            result_deadline=START + 60,
            settle_deadline=START + 600,
            min_stake=0,
            pay_token=TOKEN,
            nonce=1,
        )

    async def _hear(self, peer: str, data: bytes) -> bytes:
        self.heard.append(decode_any(data, 1 << 16))
        return b""

    async def offers(self, data: bytes) -> object:
        """What the worker says to a gossiped offer."""
        before = len(self.heard)
        await self.bus.publish(Topic.OFFERS, data)
        await trio.sleep(1)
        [said] = self.heard[before:]
        return said

    async def asks(self, peer: str, data: bytes) -> object:
        """What the worker says on the task stream."""
        response = await self.bus.request(peer, StreamProtocol.TASK, data, timeout=30, max_response=1 << 20)
        return decode_any(response, 1 << 20)

    def signed(self, **change: object) -> Signed[Offer]:
        return sign(self.driver.world.domain, replace(self.offer, **change), KEY)  # type: ignore[arg-type]

    def award(self, bid: Signed[Bid], offer: Offer, **change: object) -> Award:
        domain = self.driver.world.domain
        award = Award(
            offer_hash=bid.message.offer_hash,
            bid_hash=digest(domain, bid.message),
            requester=self.account,
            worker=bid.message.worker,
            model_digest=offer.model_digest,
            input_digest=offer.input_digest,
            price=bid.message.price,
            model_fee=MODEL_FEE,
            result_deadline=offer.result_deadline,
            settle_deadline=offer.settle_deadline,
            nonce=offer.nonce,
        )
        return replace(award, **change)  # type: ignore[arg-type]

    def assignment(self, award: Award, tensors: bytes = INPUT, key: bytes = KEY) -> bytes:
        return encode(Assignment(sign(self.driver.world.domain, award, key), tensors))

    async def bid(self, **change: object) -> tuple[Signed[Bid], Offer]:
        signed = self.signed(**change)
        said = await self.offers(encode(signed))
        assert isinstance(said, Signed)
        return said, signed.message


async def still_works(driver: Driver, node: Node, requester: RequesterSettings) -> None:
    """An honest task goes through after whatever happened before."""
    async with driver.node("alice", requester=requester) as alice:
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        assert outcome.state == TaskState.ANSWERED
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED
        assert node.named("offer.error") == node.named("task.error") == []


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
            "if made for chain 31337",
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
    small = WorkerSettings(capacity=3, price=20, batch_size=4, batch_seconds=30, bid_seconds=10)
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
        assert bob.executor.runs == 0


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


async def test_bad_bids_are_refused(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        driver.change_node(bob, peer_id="another peer")
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        assert outcome.state == TaskState.UNBID
        assert (
            "is bound to peer another peer; this bid came from bob" in alice.named("bid.refused")[0]["reason"]
        )
        assert "is bound to peer another peer" in bob.named("bid.refused")[0]["reason"]
        mallory = Mallory(driver)
        for junk in (b"", b"\xff", encode(mallory.signed()), encode(TaskQuery(b"\x01" * 32))):
            response = await mallory.bus.request(
                "alice", StreamProtocol.BID, junk, timeout=5, max_response=1 << 16
            )
            assert decode(response, Decline).code == DeclineCode.MALFORMED
        late = sign(driver.world.domain, Bid(outcome.offer_hash, mallory.account, 1, 2, 3), KEY)
        response = await mallory.bus.request(
            "alice", StreamProtocol.BID, encode(late), timeout=5, max_response=1 << 16
        )
        assert "takes no bids now" in decode(response, Decline).reason


async def test_a_proof_for_other_tasks_is_never_settled(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.wrong_tasks = True
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        await trio.sleep(60)
        assert "proof is for other tasks" in bob.named("proof.failed")[0]["reason"]
        assert driver.world.sent == {}
        bob.prover.wrong_tasks = False
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED


async def test_one_task_that_the_guest_cannot_run_does_not_sink_its_batch(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    bad = pair(66, 6)

    def guest(tensors: bytes) -> bytes:
        if tensors == bad:
            raise InferenceError("overflow in MatMulInteger")
        return double(tensors)

    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.guest = guest
        outcomes = await alice.requester.submit(MODEL_DIGEST, [INPUT, bad, pair(3, 4)], TERMS)
        settled = await alice.requester.settled([outcome.offer_hash for outcome in outcomes])
        assert [outcome.state for outcome in settled] == [
            TaskState.SETTLED,
            TaskState.UNSETTLED,
            TaskState.SETTLED,
        ]
        assert "overflow in MatMulInteger" in settled[1].reason


async def test_a_forged_receipt_is_refused(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        handle, most = driver.net.buses["bob"].handlers[StreamProtocol.TASK]
        lies = [
            (b'"leafIndex": 0', b'"leafIndex": 1'),
            (b'"seal": "', b'"seal": "AAAA'),
            (b'"imageId": "0x1d', b'"imageId": "0x00'),
        ]

        async def lie(peer: str, data: bytes) -> bytes:
            response = await handle(peer, data)
            status = decode_any(response, 1 << 21)
            if isinstance(status, TaskStatus) and status.receipt and lies:
                return encode(replace(status, receipt=status.receipt.replace(*lies.pop())))
            return response

        driver.net.buses["bob"].handlers[StreamProtocol.TASK] = (lie, most)
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED
        reasons = [fields["reason"] for fields in alice.named("receipt.refused")]
        assert "imageId is 001d" in reasons.pop(0)
        assert reasons == [
            "the seal does not prove this journal",
            "leaf index is 1; give 0 to 0",
        ]
