"""Offers that others gossip are shown when their signatures hold."""

from dataclasses import replace

import trio
import trio.testing

from p2pnode.offer_board import open_offer_board
from p2pnode.ports import Topic
from p2pnode.protocol.codec import encode
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.messages import Signed
from tests.samples import DOMAIN, REQUESTER_KEY, key_account, offer
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_network import FakeBus, FakeNet


async def test_a_signed_offer_is_shown_once_and_a_forged_one_never() -> None:
    net = FakeNet()
    own, other = FakeBus(net, "own"), FakeBus(net, "other")
    genuine = replace(offer(), requester=key_account(REQUESTER_KEY))
    signed = sign(DOMAIN, genuine, REQUESTER_KEY)
    forged = Signed(replace(genuine, price_max=genuine.price_max + 1), signed.signature)
    elsewhere = sign(Domain(1, b"\xbb" * 20), replace(genuine, nonce=9), REQUESTER_KEY)
    async with open_offer_board(own, DOMAIN, FakeClock()) as board:
        await trio.testing.wait_all_tasks_blocked()
        for data in (encode(signed), encode(signed), encode(forged), encode(elsewhere), b"nonsense"):
            await other.publish(Topic.OFFERS, data)
        await trio.testing.wait_all_tasks_blocked()
        (seen,) = board.offers()
    assert seen.offer_hash == digest(DOMAIN, genuine)
    assert (seen.peer, seen.offer) == ("other", genuine)
