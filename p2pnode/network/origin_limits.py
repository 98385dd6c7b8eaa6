"""How much each signer may gossip, and how much those with nothing to lose may in all.

A signer for whom nobody vouches (no stake, no funds) gets a low rate, and all of them together share one
more bucket, so that a thousand fresh keys are heard no more often than a few. A newcomer is heard slowly
instead of never.
"""

from dataclasses import astuple, dataclass

from libp2p.peer.id import ID

from p2pnode.network.limits import Monotonic, RateLimit
from p2pnode.ports import Standing, Topic

UNVOUCHED = "all"


@dataclass(frozen=True, slots=True)
class GossipRates:
    """Messages a second and bursts: of a signer, of one with nothing to lose, and of all of those."""

    origin: tuple[float, int]
    unvouched: tuple[float, int]
    all_unvouched: tuple[float, int]

    def share(self, part: float) -> "GossipRates":
        """A part of each, for a publisher that wants never to be over."""
        return GossipRates(*((rate * part, max(1, int(burst * part))) for rate, burst in astuple(self)))


class OriginLimits:
    """Decides on each message; `standing` None vouches for everyone."""

    def __init__(self, rates: GossipRates, standing: Standing | None, now: Monotonic) -> None:
        self._standing = standing
        self._vouched = RateLimit(*rates.origin, now)
        self._unvouched = RateLimit(*rates.unvouched, now)
        self._all = RateLimit(*rates.all_unvouched, now)

    def hopeless(self, topic: Topic, origin: bytes, data: bytes) -> bool:
        """Whether `take` would refuse a message of a signer with nothing to lose; takes nothing.

        Asked before the signature is checked, which is what a flood costs most. Since nothing is taken, a
        message under a forged name uses up nobody's share.
        """
        if self._vouches(topic, origin, data):
            return False
        return self._all.wait(UNVOUCHED) > 0 or self._unvouched.wait(origin) > 0

    def take(self, topic: Topic, origin: bytes, data: bytes) -> bool:
        """Count a message against its signer's share; False when that is used up."""
        if self._vouches(topic, origin, data):
            return self._vouched.take(origin)
        return self._unvouched.take(origin) and self._all.take(UNVOUCHED)

    def floods(self, origin: bytes) -> bool:
        """Whether a signer whose message was just refused is over the full rate, too.

        Below it, it may have standing that this node has not heard of yet, so it is dropped but not blamed.
        """
        return not self._vouched.take(origin)

    def wait(self, topic: Topic, origin: bytes, data: bytes) -> float:
        """Seconds until `take` would not refuse for the signer's own rate."""
        limit = self._vouched if self._vouches(topic, origin, data) else self._unvouched
        return limit.wait(origin)

    def _vouches(self, topic: Topic, origin: bytes, data: bytes) -> bool:
        return self._standing is None or self._standing.vouches(topic, ID(origin).to_base58(), data)
