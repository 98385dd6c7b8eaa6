"""The market's pure rules: the ramp, the ranking, the plan for a submission, the legal transitions."""

from dataclasses import replace

import pytest

from p2pnode.errors import MarketError
from p2pnode.market.pricing import ask_price, ramp_price, time_of_price
from p2pnode.market.refusal import Refusal
from p2pnode.market.selection import RankedBid, plan, rank
from p2pnode.market.state import INITIAL, TRANSITIONS, TaskState, check_transition
from p2pnode.ports import Reputation, Role
from p2pnode.protocol.messages import Bid, DeclineCode, Signed
from tests.samples import offer


def bid(
    worker: int,
    price: int = 10,
    *,
    stake: int = 10,
    capacity: int = 8,
    load: int = 0,
    answered: int = 0,
    failed: int = 0,
) -> RankedBid:
    message = Bid(b"\1" * 32, bytes([worker]) * 20, price, 1, 1, 1)
    return RankedBid(
        Signed(message, b"\1" * 65), f"peer{worker}", stake, capacity, load, Reputation(answered, failed)
    )


def test_the_ramp_rises_in_a_straight_line() -> None:
    found = [ramp_price(offer(), at) for at in (0, 1000, 1001, 1005, 1010, 9999)]
    assert found == [100, 100, 200, 600, 1100, 1100]
    flat = replace(offer(), ramp_end=1000)
    assert [ramp_price(flat, at) for at in (1000, 1001)] == [100, 1100]


@pytest.mark.parametrize("price", [0, 100, 101, 200, 201, 1099, 1100])
def test_time_of_price_is_the_first_second_that_pays_it(price: int) -> None:
    at = time_of_price(offer(), price)
    assert ramp_price(offer(), at) >= price
    assert at <= 1000 or ramp_price(offer(), at - 1) < price


def test_a_worker_asks_its_price_but_never_less_than_is_offered() -> None:
    assert ask_price(offer(), 50) == 100
    assert ask_price(offer(), 500) == 500
    assert ask_price(offer(), 1100) == 1100
    assert ask_price(offer(), 1101) is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (bid(2, 9), bid(1, 10)),
        (bid(2, load=0), bid(1, load=7)),
        (bid(2, stake=10), bid(1, stake=1)),
        (bid(2, answered=9), bid(1, failed=9)),
        (bid(2, answered=1), bid(1)),
        (bid(2), bid(1, failed=1)),
        (replace(bid(2), latency=1.0), replace(bid(1), latency=2.0)),
        (replace(bid(2), latency=1.0), bid(1)),
    ],
)
def test_rank(better: RankedBid, worse: RankedBid) -> None:
    assert rank([worse, better]) == rank([better, worse]) == [better, worse]


def test_equal_bids_are_drawn_anew_for_each_offer() -> None:
    def winner(offer: int) -> int:
        bids = [replace(bid(worker), bid=signed_for(offer, worker)) for worker in (1, 2)]
        assert rank(bids) == rank(bids[::-1])
        return rank(bids)[0].bid.message.worker[0]

    assert {winner(offer) for offer in range(20)} == {1, 2}


def signed_for(offer: int, worker: int) -> Signed[Bid]:
    message = replace(bid(worker).bid.message, offer_hash=bytes([offer]) * 32)
    return Signed(message, b"\1" * 65)


def test_one_worker_takes_a_whole_submission_if_it_has_room() -> None:
    small, large = bid(1, 9, capacity=2), bid(2, 10, capacity=4)
    order = plan({bytes([i]): [small, large] for i in range(4)})
    assert [bids[0] for bids in order.values()] == [large] * 4
    assert all(bids == [large, small] for bids in order.values())


def test_a_submission_that_is_too_large_is_shared() -> None:
    first, second = bid(1, capacity=3), bid(2, capacity=2)
    order = plan({bytes([i]): [second, first] for i in range(6)})
    winners = [bids[0].bid.message.worker[0] for bids in order.values()]
    assert winners[:5] == [1, 1, 1, 2, 2]
    assert all(len(bids) == 2 for bids in order.values()), "runner-ups stay"


def test_offers_without_bids_have_none() -> None:
    assert plan({b"a": [], b"b": [bid(1)]}) == {b"a": [], b"b": [bid(1)]}
    assert plan({}) == {}


@pytest.mark.parametrize("role", list(Role))
def test_every_state_is_reachable_and_every_target_is_a_state(role: Role) -> None:
    seen, todo = set(), [INITIAL[role]]
    while todo:
        state = todo.pop()
        seen.add(state)
        todo += [target for target in TRANSITIONS[role][state] if target not in seen]
    assert seen == set(TRANSITIONS[role])


def test_illegal_moves_are_refused_with_the_legal_ones() -> None:
    assert check_transition(Role.WORKER, "bid", "awarded") is TaskState.AWARDED
    with pytest.raises(MarketError, match="cannot go from bid to settled; allowed from there: awarded, lost"):
        check_transition(Role.WORKER, "bid", "settled")
    with pytest.raises(MarketError, match=r"cannot go from settled to awarded.*it has ended"):
        check_transition(Role.REQUESTER, "settled", "awarded")
    with pytest.raises(MarketError, match="'proving' is not a state of a requester"):
        check_transition(Role.REQUESTER, "proving", "proved")


def test_a_refusal_fits_its_message() -> None:
    decline = Refusal(DeclineCode.INTERNAL, "é" * 600).decline(b"\1" * 32)
    assert len(decline.reason.encode()) <= 512
    assert decline.reason == "é" * 256
