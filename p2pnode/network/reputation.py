"""How far each peer has misbehaved, as this node has seen it; forgets with time.

The library's own peer score loses everything at a disconnect and never prunes (row 16), so it is not
used. A peer whose score passes `LIMIT` is disconnected and refused until it has decayed to half of it.
"""

import math
from collections import OrderedDict
from enum import Enum

from p2pnode.network.limits import Monotonic

LIMIT = 100.0
HALF_LIFE = 600.0
"""Seconds in which a score halves."""
MAX_PEERS = 4096


class Offence(Enum):
    """What a peer can do wrong, and its weight against `LIMIT`."""

    UNDECODABLE = 30.0
    BAD_SIGNATURE = 30.0
    OVERSIZE = 30.0
    WRONG_BYTES = 40.0
    MALFORMED = 10.0
    STALLED = 2.0
    FLOOD = 1.0


class Reputation:
    """Scores by base58 peer ID."""

    def __init__(self, now: Monotonic) -> None:
        self._now = now
        self._scores: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._refused: set[str] = set()

    def add(self, peer: str, offence: Offence) -> bool:
        """Count an offence; True when it is the one that gets the peer refused."""
        score = self.score(peer) + offence.value
        self._scores[peer] = (score, self._now())
        self._scores.move_to_end(peer)
        while len(self._scores) > MAX_PEERS:
            forgotten, _ = self._scores.popitem(last=False)
            self._refused.discard(forgotten)
        if score < LIMIT or peer in self._refused:
            return False
        self._refused.add(peer)
        return True

    def score(self, peer: str) -> float:
        """The peer's score now; 0 for one that has done nothing wrong."""
        score, at = self._scores.get(peer, (0.0, 0.0))
        return score * math.exp2(-(self._now() - at) / HALF_LIFE) if score else 0.0

    def refuses(self, peer: str) -> bool:
        """Whether to have nothing to do with the peer for now."""
        if peer not in self._refused:
            return False
        if self.score(peer) < LIMIT / 2:
            self._refused.discard(peer)
            return False
        return True
