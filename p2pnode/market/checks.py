"""What makes an offer, a bid or an award acceptable. Each check raises Refusal with a code and a sentence
that names the field, its value and what would be right. Pure; the caller has done the look-ups.
"""

from dataclasses import dataclass

from p2pnode.errors import ProtocolError, SignatureError
from p2pnode.market.pricing import ramp_price
from p2pnode.market.refusal import Refusal
from p2pnode.ports import ModelListing, NodeRecord, TaskEntry
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.messages import Award, Bid, DeclineCode, Offer, Signed
from p2pnode.protocol.tensors import decode_tensors, require_finite, tensors_digest

CLOCK_SKEW = 5
"""Seconds that two honest clocks may differ."""

MAX_SETTLE_WINDOW = 24 * 3600
"""Seconds from now to the latest settle deadline; ProofOfInference pays nothing with a later one."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where offers are paid: the signing domain and the token, 20 bytes."""

    domain: Domain
    token: bytes


def check_offer(signed: Signed[Offer], settlement: Settlement, now: int, settle_seconds: int) -> None:
    """An offer on its own: made for this chain, signed by its requester, and with time left.

    `settle_seconds` is what this worker needs from the answer to the settlement.
    """
    offer, domain = signed.message, settlement.domain
    if offer.pay_token != settlement.token:
        raise Refusal(
            DeclineCode.WRONG_CHAIN,
            f"pay_token is 0x{offer.pay_token.hex()}; this worker is on chain {domain.chain_id}, where the "
            f"token is 0x{settlement.token.hex()}",
        )
    try:
        verify(domain, signed)
    except SignatureError as error:
        # With the same token on another chain only the signature differs, which then looks like a forgery.
        raise Refusal(
            DeclineCode.BAD_SIGNATURE, f"{error}; sign for chain {domain.chain_id} if it was made for another"
        ) from error
    if offer.price_max < offer.price_min:
        _malformed(f"price_max is {offer.price_max}; give at least price_min, {offer.price_min}")
    if offer.ramp_end < offer.ramp_start:
        _malformed(f"ramp_end is {offer.ramp_end}; give at least ramp_start, {offer.ramp_start}")
    if offer.result_deadline <= now:
        raise Refusal(
            DeclineCode.EXPIRED, f"result_deadline is {offer.result_deadline}; it is {now} now, offer again"
        )
    if offer.settle_deadline < offer.result_deadline + settle_seconds:
        raise Refusal(
            DeclineCode.EXPIRED,
            f"settle_deadline is {offer.settle_deadline}; this worker needs {settle_seconds} s after "
            f"result_deadline, so at least {offer.result_deadline + settle_seconds}",
            needed=offer.result_deadline + settle_seconds,
        )
    if offer.settle_deadline > now + MAX_SETTLE_WINDOW:
        _malformed(f"settle_deadline is {offer.settle_deadline}; give at most {now + MAX_SETTLE_WINDOW}")


def check_stake(offer: Offer, record: NodeRecord | None) -> None:
    """Whether this worker's own registration is good enough for the offer."""
    stake = record.stake if record is not None and record.active else 0
    if record is None or not record.active or stake < offer.min_stake:
        raise Refusal(
            DeclineCode.STAKE_TOO_LOW,
            f"min_stake is {offer.min_stake}; this worker has {stake} at stake, ask for at most that",
            needed=stake,
        )


def check_listing(model_digest: bytes, listing: ModelListing | None) -> ModelListing:
    """The model must be registered and not retired, since its owner is paid at settlement."""
    if listing is None or listing.retired:
        what = "is not registered" if listing is None else "was retired by its owner"
        raise Refusal(
            DeclineCode.UNKNOWN_MODEL, f"model {to_cid(model_digest)} {what}; register it, then offer again"
        )
    return listing


def check_escrow(needed: int, outstanding: int, free: int) -> None:
    """The requester's free escrow must cover this task beside its others with this worker."""
    if needed + outstanding > free:
        raise Refusal(
            DeclineCode.ESCROW_TOO_LOW,
            f"free escrow is {free}; this task costs {needed} and {outstanding} is owed for others, "
            f"so deposit {needed + outstanding - free} more",
            needed=needed + outstanding - free,
        )


def check_bond(bond: int, least: int) -> None:
    """What the requester loses for awards above its escrow must be enough for this worker."""
    if bond < least:
        raise Refusal(
            DeclineCode.BOND_TOO_LOW,
            f"the requester's bond is {bond}; this worker asks for {least}, so bond {least - bond} more",
            needed=least - bond,
        )


def check_capacity(load: int, capacity: int) -> None:
    """One more task must have a place."""
    if load >= capacity:
        raise Refusal(DeclineCode.AT_CAPACITY, f"all {capacity} places are taken; offer again later")


def check_bid(
    signed: Signed[Bid], offer: Offer, domain: Domain, peer: str, record: NodeRecord | None, now: int
) -> NodeRecord:
    """A bid that `peer` sent for `offer`; the bidder's record on chain."""
    bid = signed.message
    try:
        verify(domain, signed)
    except SignatureError as error:
        raise Refusal(DeclineCode.BAD_SIGNATURE, str(error)) from error
    if record is None or not record.active or record.stake < offer.min_stake:
        found = "not registered" if record is None or not record.active else f"staked with {record.stake}"
        raise Refusal(
            DeclineCode.STAKE_TOO_LOW,
            f"worker 0x{bid.worker.hex()} is {found}; the offer asks for {offer.min_stake}",
        )
    if record.peer_id != peer:
        raise Refusal(
            DeclineCode.BAD_SIGNATURE,
            f"worker 0x{bid.worker.hex()} is bound to peer {record.peer_id}; this bid came from {peer}",
        )
    if bid.made_at > min(now + CLOCK_SKEW, bid.valid_until):
        latest = min(now, bid.valid_until)
        raise Refusal(DeclineCode.MALFORMED, f"made_at is {bid.made_at}; give at most {latest}")
    # The contract computes the same price when a broken promise is reported.
    pays = ramp_price(offer, bid.made_at)
    if bid.price > pays:
        raise Refusal(
            DeclineCode.PRICE_TOO_LOW, f"price is {bid.price}; the offer pays {pays} at {bid.made_at}"
        )
    if bid.result_by > offer.result_deadline:
        raise Refusal(
            DeclineCode.EXPIRED, f"result_by is {bid.result_by}; give at most {offer.result_deadline}"
        )
    if bid.valid_until <= now:
        raise Refusal(DeclineCode.EXPIRED, f"valid_until is {bid.valid_until}; it is {now} now")
    return record


def check_award(signed: Signed[Award], task: TaskEntry, domain: Domain, fee: int, now: int) -> None:
    """An award that rests on this worker's own bid in `task`; `fee` is what the model's owner asks."""
    award, offer = signed.message, task.offer.message
    if task.bid is None:
        raise Refusal(DeclineCode.UNKNOWN_BID, "this worker has no bid for the offer; award a bidder")
    bid = task.bid.message
    try:
        verify(domain, signed)
    except SignatureError as error:
        raise Refusal(DeclineCode.BAD_SIGNATURE, str(error)) from error
    rules: tuple[tuple[str, bytes | int, bytes | int], ...] = (
        ("bid_hash", award.bid_hash, digest(domain, bid)),
        ("requester", award.requester, offer.requester),
        ("worker", award.worker, bid.worker),
        ("model_digest", award.model_digest, offer.model_digest),
        ("input_digest", award.input_digest, offer.input_digest),
        ("result_deadline", award.result_deadline, offer.result_deadline),
        ("settle_deadline", award.settle_deadline, offer.settle_deadline),
        ("nonce", award.nonce, offer.nonce),
    )
    for name, given, right in rules:
        if given != right:
            code = DeclineCode.UNKNOWN_BID if name == "bid_hash" else DeclineCode.MALFORMED
            raise Refusal(code, f"{name} is {_show(given)}; the offer and bid have {_show(right)}")
    if award.price < bid.price:
        raise Refusal(DeclineCode.PRICE_TOO_LOW, f"price is {award.price}; the bid is {bid.price}")
    if award.model_fee < fee:
        raise Refusal(
            DeclineCode.PRICE_TOO_LOW, f"model_fee is {award.model_fee}; the model's owner asks {fee}"
        )
    if bid.valid_until + CLOCK_SKEW < now or offer.result_deadline <= now:
        latest = min(bid.valid_until, offer.result_deadline)
        raise Refusal(DeclineCode.EXPIRED, f"the bid was valid until {latest}; it is {now} now")


def check_input(tensors: bytes, input_digest: bytes) -> None:
    """The input must be what was awarded, in canonical encoding and finite; its fit is the model's matter."""
    found = tensors_digest(tensors)
    if found != input_digest:
        raise Refusal(
            DeclineCode.WRONG_INPUT,
            f"input hashes to {found.hex()}; the award has input_digest {input_digest.hex()}",
        )
    try:
        require_finite(decode_tensors(tensors))
    except ProtocolError as error:
        raise Refusal(DeclineCode.WRONG_INPUT, f"input: {error}") from error


def _malformed(reason: str) -> None:
    raise Refusal(DeclineCode.MALFORMED, reason)


def _show(value: bytes | int) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
