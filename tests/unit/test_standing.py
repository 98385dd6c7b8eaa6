"""Who has something to lose: staked workers, and accounts whose escrow is not empty."""

from dataclasses import replace
from typing import Any

import base58

from p2pnode.chain import Event
from p2pnode.ports import Topic
from p2pnode.protocol.codec import encode
from p2pnode.protocol.eip712 import sign
from p2pnode.standing import ChainStanding
from tests.samples import DOMAIN, REQUESTER_KEY, WORKER_KEY, key_account, offer

PEER = b"\x00$\x08\x01\x12 " + bytes(32)
NAME = base58.b58encode(PEER).decode()
REQUESTER, WORKER = key_account(REQUESTER_KEY), key_account(WORKER_KEY)
OFFER = encode(sign(DOMAIN, offer(), REQUESTER_KEY))


def event(name: str, **arguments: Any) -> Event:
    return Event("", name, arguments, bytes(32), 1)


def deposited(balance: int) -> Event:
    return event("Deposited", requester=REQUESTER, amount=1, balance=balance)


def test_a_staked_peer_backs_what_it_signs_until_it_leaves() -> None:
    standing = ChainStanding(DOMAIN)
    assert standing.backer(Topic.NODES, NAME, b"anything") is None
    standing.note(event("NodeRegistered", account=WORKER, peerId=PEER, capacity=1, stake=5))
    assert standing.backer(Topic.NODES, NAME, b"anything") == NAME
    assert standing.backer(Topic.OFFERS, NAME, b"anything") == NAME
    standing.note(event("NodeWithdrawn", account=WORKER, peerId=PEER, stake=5))
    assert standing.backer(Topic.NODES, NAME, b"anything") is None


def test_an_offer_is_backed_by_its_escrow() -> None:
    standing = ChainStanding(DOMAIN)
    assert standing.backer(Topic.OFFERS, "stranger", OFFER) is None
    standing.note(deposited(100))
    assert standing.backer(Topic.OFFERS, "stranger", OFFER) == REQUESTER.hex()
    assert standing.backer(Topic.NODES, "stranger", OFFER) is None, "an offer is no heartbeat"
    settled = {"taskId": bytes(32), "worker": WORKER, "price": 90, "modelFee": 10}
    standing.note(event("AwardSettled", requester=REQUESTER, **settled))
    assert standing.backer(Topic.OFFERS, "stranger", OFFER) is None, "the escrow is used up"
    standing.note(deposited(50))
    assert standing.backer(Topic.OFFERS, "stranger", OFFER) == REQUESTER.hex()
    standing.note(event("Withdrawn", requester=REQUESTER, amount=50, balance=0))
    assert standing.backer(Topic.OFFERS, "stranger", OFFER) is None


def test_nobody_borrows_a_funded_name() -> None:
    standing = ChainStanding(DOMAIN)
    standing.note(deposited(100))
    forged = encode(sign(DOMAIN, replace(offer(), nonce=2), WORKER_KEY))
    for data in (forged, forged, b"", b"\xff", OFFER[:-1]):
        assert standing.backer(Topic.OFFERS, "stranger", data) is None
