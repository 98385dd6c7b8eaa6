"""A hostile peer, and what every node must still do after it."""

from dataclasses import replace

import trio
from eth_keys.datatypes import PrivateKey

from p2pnode.market.settings import RequesterSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import StreamProtocol, Topic
from p2pnode.protocol.codec import decode_any, encode
from p2pnode.protocol.eip712 import digest, sign
from p2pnode.protocol.messages import Assignment, Award, Bid, Offer, Signed
from p2pnode.protocol.tensors import tensors_digest
from tests.sim.driver import MODEL_FEE, TERMS, Driver, Node
from tests.sim.fake_chain import TOKEN
from tests.sim.fake_clock import START
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.fake_network import FakeBus
from tests.sim.fake_seals import FakeSeals

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
        task_id = digest(self.driver.world.domain, award)
        sealed = FakeSeals("mallory").seal("bob", task_id, tensors)
        return encode(Assignment(sign(self.driver.world.domain, award, key), sealed))

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
