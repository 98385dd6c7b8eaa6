"""Rings are drawn as docs/jsc.md says: by the gamma distribution in a large pool, by partition in a small."""

import math
import random
from itertools import pairwise

import pytest

from p2pnode.jsc.decoys import BINS, RATE, RECENT_SECONDS, SHAPE, SMALL_POOL, PoolAge, choose_bins, draw_bin

DRAWS = 20_000
AGES = [PoolAge(5000, 600.0), PoolAge(100, 3600.0), PoolAge(200_000, 12.0)]


def gamma_cdf(value: float) -> float:
    """Distribution function of Gamma(SHAPE, rate RATE), by its series (Abramowitz and Stegun 6.5.29)."""
    if value <= 0:
        return 0.0
    x = value * RATE
    term = total = 1 / SHAPE
    for n in range(1, 400):
        term *= x / (SHAPE + n)
        total += term
    return total * math.exp(-x + SHAPE * math.log(x) - math.lgamma(SHAPE))


def expected(age: PoolAge, back: int) -> float:
    """Probability that a draw is at most `back` bins from the newest, given that it is in the pool."""

    def below(seconds: float) -> float:
        recent = gamma_cdf(math.log(RECENT_SECONDS))
        spread = recent * min(1.0, seconds / RECENT_SECONDS)
        return spread + max(0.0, gamma_cdf(math.log(seconds)) - recent)

    return below((back + 1) * age.seconds_per_bin) / below(age.eligible * age.seconds_per_bin)


@pytest.mark.parametrize(
    "age", [PoolAge(5000, 600.0), PoolAge(100, 3600.0), PoolAge(200_000, 12.0)], ids=repr
)
def test_draws_follow_the_distribution(age: PoolAge) -> None:
    """Kolmogorov-Smirnov at the level of one in a million: sqrt(n) * D < 2.7."""
    randomness = random.Random(1)
    backs = sorted(age.eligible - 1 - draw_bin(age, randomness) for _ in range(DRAWS))
    # Ages are whole bins, so the two functions are compared where they step.
    worst = max(
        abs((place + 1) / DRAWS - expected(age, back))
        for place, (back, following) in enumerate(pairwise([*backs, -1]))
        if back != following
    )
    assert worst * math.sqrt(DRAWS) < 2.7


def test_the_youngest_and_the_oldest_bins_are_drawn() -> None:
    """16: Monero's wallet once never picked the youngest outputs (monero issues 7807 and 8872)."""
    age = PoolAge(100, 36_000.0)
    randomness = random.Random(2)
    drawn = {draw_bin(age, randomness) for _ in range(DRAWS)}
    assert {0, 1, age.eligible - 2, age.eligible - 1} <= drawn
    assert min(drawn) >= 0
    assert max(drawn) < age.eligible


def test_a_ring_has_four_bins_in_order_with_the_real_one() -> None:
    age = PoolAge(SMALL_POOL, 3600.0)
    randomness = random.Random(3)
    for real in (0, 1, 31, SMALL_POOL - 1):
        for _ in range(50):
            bins = choose_bins(real, age, randomness)
            assert bins == sorted(set(bins))
            assert len(bins) == BINS
            assert real in bins


@pytest.mark.parametrize("eligible", [4, 5, 7, 8, 30, SMALL_POOL - 1])
def test_in_a_small_pool_all_notes_of_a_ring_have_that_ring(eligible: int) -> None:
    age = PoolAge(eligible, 3600.0)
    rings = {tuple(choose_bins(real, age)) for real in range(eligible)}
    for ring in rings:
        whole = [real for real in ring if tuple(choose_bins(real, age)) == ring]
        assert len(whole) >= 1
    partitions = [ring for ring in rings if ring[0] % BINS == 0]
    for ring in partitions:
        assert all(tuple(choose_bins(real, age)) == ring for real in ring)


@pytest.mark.parametrize(("real", "eligible"), [(0, 3), (4, 4), (-1, 10)])
def test_a_note_that_cannot_be_hidden_is_refused(real: int, eligible: int) -> None:
    with pytest.raises(ValueError, match="cannot be hidden"):
        choose_bins(real, PoolAge(eligible, 1.0))
