"""Valid messages and a valid receipt for tests, made by the code under test's own signer."""

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_keys.datatypes import PrivateKey

from p2pnode.protocol import merkle
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed
from p2pnode.protocol.receipt import Receipt

FIXTURES = Path(__file__).parents[1] / "contracts" / "test" / "fixtures"

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
    bid = Bid(digest(DOMAIN, made), key_account(WORKER_KEY), 200, 1000, 1060, 1050)
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


def genuine_receipt(index: int = 1) -> Receipt:
    """The receipt of a task in the batch that the real prover proved for the tests (make_fixture.py)."""
    awarded = json.loads((FIXTURES / "awards.json").read_text())
    proved = json.loads((FIXTURES / "batch.json").read_text())
    domain = Domain(awarded["chainId"], _octets(awarded["verifyingContract"]))
    awards = [_award(found) for found in awarded["awards"]]
    ids = [_octets(task_id) for task_id in awarded["taskIds"]]
    outputs = [_octets(output) for output in proved["outputDigests"]]
    leaves = [
        leaf(task_id, made.model_digest, made.input_digest, output)
        for task_id, made, output in zip(ids, awards, outputs, strict=True)
    ]
    Account.enable_unaudited_hdwallet_features()
    # Hardhat's third account, which the awards of the fixture go to.
    worker = Account.from_mnemonic(
        "test test test test test test test test test test test junk", account_path="m/44'/60'/0'/0/3"
    )
    return Receipt(
        chain_id=domain.chain_id,
        contract=domain.verifying_contract,
        award=Signed(awards[index], _octets(awarded["signatures"][index])),
        result=sign(domain, Result(ids[index], outputs[index]), bytes(worker.key)),
        output_digest=outputs[index],
        leaf_index=index,
        leaf_count=len(leaves),
        merkle_path=merkle.path(leaves, index),
        journal=_octets(proved["journal"]),
        image_id=_octets(proved["imageId"]),
        seal=(FIXTURES / "batch.seal").read_bytes(),
        transaction=b"\x77" * 32,
    )


def _award(found: dict[str, Any]) -> Award:
    return Award(
        offer_hash=_octets(found["offerHash"]),
        bid_hash=_octets(found["bidHash"]),
        requester=_octets(found["requester"]),
        worker=_octets(found["worker"]),
        model_digest=_octets(found["modelDigest"]),
        input_digest=_octets(found["inputDigest"]),
        price=int(found["price"]),
        model_fee=int(found["modelFee"]),
        result_deadline=int(found["resultDeadline"]),
        settle_deadline=int(found["settleDeadline"]),
        nonce=int(found["nonce"]),
    )


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def key_account(key: bytes) -> bytes:
    """Address of a private key."""
    return PrivateKey(key).public_key.to_canonical_address()
