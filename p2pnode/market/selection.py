"""Which bids win: a ranking for one offer, and a plan for the tasks of one submission. Pure.

Tasks of one model that the same worker takes are proved together, and a proof costs the same for one or
for many; so a submission goes to as few workers as have room, the best first.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from p2pnode.ports import Reputation
from p2pnode.protocol.messages import Bid, Signed


@dataclass(frozen=True, slots=True)
class RankedBid:
    """A bid with what selection needs to know of its worker."""

    bid: Signed[Bid]
    peer: str
    stake: int
    capacity: int
    load: int
    reputation: Reputation
    latency: float | None = None
    """Seconds of its answers to this node, None if it gave none yet."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part counts; every part is between 0 and 1 and more is better."""

    price: float = 0.35
    free_capacity: float = 0.05
    load: float = 0.3
    stake: float = 0.05
    record: float = 0.2
    latency: float = 0.05


DEFAULT_WEIGHTS = Weights()


def rank(bids: Sequence[RankedBid], weights: Weights = DEFAULT_WEIGHTS) -> list[RankedBid]:
    """Bids for one offer, best first; equal ones in an order that each offer draws anew.

    Price, stake, free places and latency are compared with the best bid here; the load is a worker's own.
    """
    best_stake = max((bid.stake for bid in bids), default=0)
    most_free = max((free_places(bid) for bid in bids), default=0)
    quickest = min((bid.latency for bid in bids if bid.latency is not None), default=0.0)
    prices = [bid.bid.message.price for bid in bids]
    low, high = min(prices, default=0), max(prices, default=0)

    def score(ranked: RankedBid) -> float:
        cheap = 1.0 if high == low else (high - ranked.bid.message.price) / (high - low)
        seen = ranked.reputation.answered + ranked.reputation.failed
        return (
            weights.price * cheap
            + weights.free_capacity * (free_places(ranked) / most_free if most_free else 0.0)
            + weights.load * (free_places(ranked) / ranked.capacity if ranked.capacity else 0.0)
            + weights.stake * (ranked.stake / best_stake if best_stake else 0.0)
            # Who was never tried is taken at its best, as bandits are (Auer et al. 2002, UCB1);
            # else whoever answered first would get every task, and no newcomer ever one.
            + weights.record * (ranked.reputation.answered + 1) / (seen + 1)
            + weights.latency * _quickness(ranked.latency, quickest)
        )

    # Of equal ones the same would win everywhere and always, were it not for the offer in the draw.
    return sorted(bids, key=lambda ranked: (-score(ranked), _draw(ranked.bid.message)))


def _quickness(latency: float | None, quickest: float) -> float:
    """1 for the quickest and for a worker whose answers are not known yet."""
    return quickest / latency if latency else 1.0


def _draw(bid: Bid) -> bytes:
    return hashlib.sha256(bid.offer_hash + bid.worker).digest()


def free_places(ranked: RankedBid) -> int:
    """Tasks that the worker has room for."""
    return max(ranked.capacity - ranked.load, 0)


def plan(
    bids: Mapping[bytes, Sequence[RankedBid]], weights: Weights = DEFAULT_WEIGHTS
) -> dict[bytes, list[RankedBid]]:
    """For each offer its bids in the order to try them; the first one is awarded, the rest stand by.

    Workers are taken in turn by how many of the offers they can serve at once, then by rank, until every
    offer with a bid has one; a worker gets no more tasks than it has free places, as long as others bid.
    """
    ranked = {offer: rank(found, weights) for offer, found in bids.items()}
    order = {offer: list(found) for offer, found in ranked.items()}
    waiting = [offer for offer, found in ranked.items() if found]
    places = {r.bid.message.worker: free_places(r) for found in ranked.values() for r in found}
    while waiting:
        worker = _widest(waiting, ranked, places)
        if worker is None:
            break
        taken = [offer for offer in waiting if _bid_of(ranked[offer], worker)][: places.pop(worker)]
        for offer in taken:
            chosen = _bid_of(ranked[offer], worker)
            order[offer] = [*chosen, *(bid for bid in ranked[offer] if bid not in chosen)]
        waiting = [offer for offer in waiting if offer not in taken]
    return order


def _widest(
    waiting: Sequence[bytes], ranked: Mapping[bytes, Sequence[RankedBid]], places: Mapping[bytes, int]
) -> bytes | None:
    def merit(worker: bytes) -> tuple[int, float, bytes]:
        served = [offer for offer in waiting if _bid_of(ranked[offer], worker)]
        position = sum(ranked[offer].index(_bid_of(ranked[offer], worker)[0]) for offer in served)
        return (-min(len(served), places[worker]), position / len(served), worker)

    able = {
        bid.bid.message.worker
        for offer in waiting
        for bid in ranked[offer]
        if places.get(bid.bid.message.worker, 0) > 0
    }
    return min(able, key=merit, default=None)


def _bid_of(ranked: Sequence[RankedBid], worker: bytes) -> list[RankedBid]:
    return [bid for bid in ranked if bid.bid.message.worker == worker][:1]
