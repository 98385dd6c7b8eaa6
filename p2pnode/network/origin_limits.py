"""How much each signer may gossip, and how much those with nothing to lose may in all.

Whoever backs a message (a staked peer its own, a funded account its offers) has one rate, under however
many names its messages come. A signer whom nobody backs gets a low rate, and all of them together share one
more bucket, so that a thousand fresh keys are heard no more often than a few. A newcomer is heard slowly
instead of never.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import astuple, dataclass
from typing import Final

from libp2p.peer.id import ID

from p2pnode.network.limits import Monotonic, RateLimit
from p2pnode.ports import Standing, Topic

UNBACKED = "all"
MOST_NAMES: Final = 3
"""Signers under which an account's offer has its backing. Anyone can gossip another's offer once more in a
fresh name; more than one, so that who is quickest with that does not silence the requester."""
_MOST_OFFERS: Final = 4096


@dataclass(frozen=True, slots=True)
class GossipRates:
    """Messages a second and bursts: of a signer, of one with nothing to lose, and of all of those."""

    origin: tuple[float, int]
    unbacked: tuple[float, int]
    all_unbacked: tuple[float, int]

    def share(self, part: float) -> "GossipRates":
        """A part of each, for a publisher that wants never to be over."""
        return GossipRates(*((rate * part, max(1, int(burst * part))) for rate, burst in astuple(self)))


class OriginLimits:
    """Decides on each message; with `standing` None every signer backs its own."""

    def __init__(self, rates: GossipRates, standing: Standing | None, now: Monotonic) -> None:
        self._standing = standing
        self._backed = RateLimit(*rates.origin, now)
        self._unbacked = RateLimit(*rates.unbacked, now)
        self._all = RateLimit(*rates.all_unbacked, now)
        self._names: OrderedDict[bytes, set[bytes]] = OrderedDict()

    def hopeless(self, topic: Topic, origin: bytes, data: bytes) -> bool:
        """Whether `take` would refuse a message that nobody backs; takes nothing.

        Asked before the signature is checked, which is what a flood costs most. Since nothing is taken, a
        message under a forged name uses up nobody's share.
        """
        # First, because who backs an offer costs more to find out.
        if self._all.wait(UNBACKED) <= 0 and self._unbacked.wait(origin) <= 0:
            return False
        return self._backer(topic, origin, data) is None

    def take(self, topic: Topic, origin: bytes, data: bytes) -> bool:
        """Count a message against its backer's share, or its signer's; False when that is used up."""
        backer = self._backer(topic, origin, data)
        if backer is None:
            return self._unbacked.take(origin) and self._all.take(UNBACKED)
        if not self._backed.take(backer):
            return False
        if backer != origin:
            self._remember(origin, data)
        return True

    def floods(self, origin: bytes) -> bool:
        """Whether a signer whose message was just refused is over the full rate, too.

        Below it, it may have standing that this node has not heard of yet, so it is dropped but not blamed.
        """
        return not self._backed.take(origin)

    def wait(self, topic: Topic, origin: bytes, data: bytes) -> float:
        """Seconds until `take` would not refuse for the signer's own rate."""
        backer = self._backer(topic, origin, data)
        return self._unbacked.wait(origin) if backer is None else self._backed.wait(backer)

    def _backer(self, topic: Topic, origin: bytes, data: bytes) -> Hashable | None:
        """The key of the bucket that pays for a message; None when nobody backs it."""
        if self._standing is None:
            return origin
        peer = ID(origin).to_base58()
        backer = self._standing.backer(topic, peer, data)
        if backer is None or backer == peer:
            return origin if backer else None
        names = self._names.get(hashlib.sha256(data).digest(), set())
        return backer if origin in names or len(names) < MOST_NAMES else None

    def _remember(self, origin: bytes, data: bytes) -> None:
        """That a backed offer came in this name."""
        self._names.setdefault(hashlib.sha256(data).digest(), set()).add(origin)
        if len(self._names) > _MOST_OFFERS:
            self._names.popitem(last=False)
