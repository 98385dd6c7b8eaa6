"""Rates and memories that peers cannot make grow: token buckets per sender, and what was seen lately."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

Monotonic = Callable[[], float]
"""Seconds on a clock that never goes back."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    updated: float


class RateLimit:
    """A token bucket for each key: `rate` a second, at most `burst` at once.

    Keeps the `keys` most recently used buckets. A forgotten key starts again with a full bucket, which is
    harmless since a bucket that has been idle for burst / rate seconds is full anyway.
    """

    def __init__(self, rate: float, burst: int, now: Monotonic, *, keys: int = 4096) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._keys = keys
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable) -> bool:
        """Take one token of `key`; False when there is none."""
        bucket = self._refill(key)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def wait(self, key: Hashable) -> float:
        """Seconds until `take` would succeed."""
        return max(0.0, (1 - self._refill(key).tokens) / self._rate)

    def _refill(self, key: Hashable) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._burst), now)
            if len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.updated) * self._rate)
        bucket.updated = now
        return bucket


class Recent:
    """Remembers keys for `seconds`, at most `keys` of them."""

    def __init__(self, seconds: float, now: Monotonic, *, keys: int = 8192) -> None:
        self._seconds = seconds
        self._now = now
        self._keys = keys
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def first(self, key: Hashable) -> bool:
        """True when `key` was not seen within `seconds`; remembers it either way."""
        now = self._now()
        while self._seen:
            oldest, at = next(iter(self._seen.items()))
            if now - at < self._seconds and len(self._seen) < self._keys:
                break
            del self._seen[oldest]
        if key in self._seen:
            return False
        self._seen[key] = now
        return True
