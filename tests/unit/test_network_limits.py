"""Rates, memories and reputations that peers cannot make grow."""

import pytest

from p2pnode.network.limits import RateLimit, Recent
from p2pnode.network.reputation import HALF_LIFE, LIMIT, Offence, Reputation

PEER = "12D3KooWSuSv2352uu6ZVpVwZPQGRtsE3JpSC138USpFndwVZQGw"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_rate_limit_gives_the_burst_then_the_rate() -> None:
    clock = Hand()
    limit = RateLimit(2.0, 3, clock)
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]
    assert limit.wait("a") == 0.5
    assert limit.take("b")
    clock.time += 0.5
    assert limit.take("a")
    assert not limit.take("a")
    clock.time += 1000
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]


def test_rate_limit_remembers_a_bounded_number_of_keys() -> None:
    limit = RateLimit(1.0, 1, Hand(), keys=10)
    for key in range(1000):
        assert limit.take(key)
    assert len(limit._buckets) == 10
    assert not limit.take(999)


def test_recent_forgets_after_its_time_and_over_its_size() -> None:
    clock = Hand()
    recent = Recent(10.0, clock, keys=5)
    assert recent.first("a")
    assert not recent.first("a")
    clock.time += 10
    assert recent.first("a")
    for key in range(100):
        assert recent.first(key)
    assert len(recent._seen) <= 5


def test_reputation_refuses_over_the_limit_and_forgives() -> None:
    clock = Hand()
    reputation = Reputation(clock)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.refuses(PEER)
    assert reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert reputation.refuses(PEER)
    clock.time += HALF_LIFE
    assert reputation.score(PEER) == pytest.approx(80)
    assert reputation.refuses(PEER)
    clock.time += HALF_LIFE
    assert not reputation.refuses(PEER)
    assert reputation.score("nobody") == 0


def test_slow_offences_never_add_up() -> None:
    clock = Hand()
    reputation = Reputation(clock)
    for _ in range(500):
        clock.time += HALF_LIFE
        assert not reputation.add(PEER, Offence.OVERSIZE)
    assert reputation.score(PEER) < LIMIT
