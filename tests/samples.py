"""Valid messages and a valid receipt for tests, made by the code under test's own signer."""

from eth_keys.datatypes import PrivateKey

from p2pnode.protocol import merkle
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Bid, Offer, Result
from p2pnode.protocol.receipt import Receipt

DOMAIN = Domain(31337, b"\xaa" * 20)
REQUESTER_KEY = b"\x01" * 32
WORKER_KEY = b"\x02" * 32


def offer(nonce: int = 1) -> Offer:
    """An offer by REQUESTER_KEY."""
    return Offer(
        requester=key_account(REQUESTER_KEY),
        model_digest=b"\x22" * 32,
        input_digest=b"\x33" * 32,
        price_min=100,
        price_max=1100,
        ramp_start=1000,
        ramp_end=1010,
        result_deadline=1060,
        settle_deadline=2000,
        min_stake=0,
        pay_token=b"\x44" * 20,
        nonce=nonce,
    )


def award(nonce: int = 1) -> Award:
    """An award of that offer to WORKER_KEY."""
    made = offer(nonce)
    bid = Bid(digest(DOMAIN, made), key_account(WORKER_KEY), 200, 1060, 1050)
    return Award(
        offer_hash=bid.offer_hash,
        bid_hash=digest(DOMAIN, bid),
        requester=made.requester,
        worker=bid.worker,
        model_digest=made.model_digest,
        input_digest=made.input_digest,
        price=200,
        model_fee=5,
        result_deadline=made.result_deadline,
        settle_deadline=made.settle_deadline,
        nonce=nonce,
    )


def receipt(index: int = 1, count: int = 3) -> Receipt:
    """The receipt of task `index` in a batch of `count`."""
    awards = [award(nonce) for nonce in range(count)]
    ids = [digest(DOMAIN, made) for made in awards]
    output = b"\x55" * 32
    leaves = [leaf(i, a.model_digest, a.input_digest, output) for i, a in zip(ids, awards, strict=True)]
    return Receipt(
        chain_id=DOMAIN.chain_id,
        contract=DOMAIN.verifying_contract,
        award=sign(DOMAIN, awards[index], REQUESTER_KEY),
        result=sign(DOMAIN, Result(ids[index], output), WORKER_KEY),
        output_digest=output,
        leaf_index=index,
        leaf_count=count,
        merkle_path=merkle.path(leaves, index),
        journal=journal_of(leaves).encode(),
        image_id=b"\x66" * 32,
        seal=bytes(range(256)),
        transaction=b"\x77" * 32,
    )


def key_account(key: bytes) -> bytes:
    """Address of a private key."""
    return PrivateKey(key).public_key.to_canonical_address()
