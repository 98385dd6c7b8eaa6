"""Which bins hide a spent note.

In a large pool, three bins are drawn by the age of what people spend: the logarithm of the age in seconds
follows a gamma distribution with shape 19.28 and rate 1.61 (Moser et al., PoPETs 2018, as Monero uses it;
ages below the minimum are drawn uniformly from the recent ones, as Monero's wallet2 does). In a small pool
that would pick the same few bins anyway, so the ring is a fixed partition: four neighbouring bins, the same
four for each of their notes (Ronge et al., PoPETs 2021, show that partitions leak least).
"""

import math
import random
from dataclasses import dataclass
from typing import Final, Protocol

from p2pnode.jsc.transaction import BIN, RING

SHAPE: Final = 19.28
RATE: Final = 1.61
RECENT_SECONDS: Final = 1800.0
"""Where ages that are too young for the pool are spread: 15 of Monero's blocks of 120 s."""
SMALL_POOL: Final = 64
"""Bins below which rings are fixed partitions."""
BINS: Final = RING // BIN


class Randomness(Protocol):
    """The part of `random.SystemRandom` that is used; tests seed theirs."""

    def gammavariate(self, alpha: float, beta: float) -> float: ...

    def uniform(self, a: float, b: float) -> float: ...


SYSTEM: Final[Randomness] = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class PoolAge:
    """`eligible` bins, numbered from 0, and how many seconds lie between two of them on average."""

    eligible: int
    seconds_per_bin: float


def choose_bins(real: int, age: PoolAge, randomness: Randomness = SYSTEM) -> list[int]:
    """Four different bins with `real` among them, in order. ValueError when the pool has too few."""
    if age.eligible < BINS or not 0 <= real < age.eligible:
        raise ValueError(f"bin {real} of {age.eligible} cannot be hidden among {BINS}")
    if age.eligible < SMALL_POOL:
        # The last bins join the partition before them until there are four of them.
        first = min(real // BINS * BINS, age.eligible - BINS)
        return list(range(first, first + BINS))
    chosen = {real}
    while len(chosen) < BINS:
        chosen.add(draw_bin(age, randomness))
    return sorted(chosen)


def draw_bin(age: PoolAge, randomness: Randomness = SYSTEM) -> int:
    """One bin by the distribution of ages; older than the pool is drawn again."""
    while True:
        seconds = math.exp(randomness.gammavariate(SHAPE, 1 / RATE))
        if seconds < RECENT_SECONDS:
            seconds = randomness.uniform(0, RECENT_SECONDS)
        back = int(seconds / age.seconds_per_bin)
        if back < age.eligible:
            return age.eligible - 1 - back
