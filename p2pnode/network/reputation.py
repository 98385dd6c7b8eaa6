"""How far each peer has misbehaved, as this node has seen it; forgets with time.

The library's own peer score loses everything at a disconnect and never prunes (row 16), so it is not
used. A peer whose score passes `LIMIT` is disconnected and refused until it has decayed to half of it. The
decay takes twice as long after each further refusal, and a restart forgives nothing: `reputation.json` in
the state folder is `{"version": 1, "reputation": [{"peer", "score", "at", "refusals"}]}`.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeGuard

import trio

from p2pnode.network.limits import Monotonic
from p2pnode.network.state_file import write_state

LIMIT = 100.0
HALF_LIFE = 600.0
"""Seconds in which a score halves, for a peer that was refused once at most."""
MAX_DOUBLINGS = 7
"""So that the longest half-life is about 21 hours."""
FORGET_SECONDS = 30 * 86400
MAX_PEERS = 4096
NAME, NAME_LIST = "reputation.json", "reputation"
SAVE_SECONDS = 60.0


class Offence(Enum):
    """What a peer can do wrong, and its weight against `LIMIT`."""

    UNDECODABLE = 30.0
    BAD_SIGNATURE = 30.0
    OVERSIZE = 30.0
    WRONG_BYTES = 40.0
    MALFORMED = 10.0
    MANY_STREAMS = 10.0
    STALLED = 2.0
    FLOOD = 1.0


@dataclass(slots=True)
class _Record:
    score: float = 0.0
    at: float = 0.0
    refusals: int = 0
    refused: bool = False


class Reputation:
    """Scores by base58 peer ID. `now` is monotonic; `dump` and `load` take the wall clock."""

    def __init__(self, now: Monotonic) -> None:
        self._now = now
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def add(self, peer: str, offence: Offence) -> bool:
        """Count an offence; True when it is the one that gets the peer refused."""
        record = self._records.setdefault(peer, _Record())
        record.score = self.score(peer) + offence.value
        record.at = self._now()
        self._records.move_to_end(peer)
        while len(self._records) > MAX_PEERS:
            self._records.popitem(last=False)
        if record.score < LIMIT or record.refused:
            return False
        record.refused = True
        record.refusals += 1
        return True

    def score(self, peer: str) -> float:
        """The peer's score now; 0 for one that has done nothing wrong."""
        record = self._records.get(peer)
        if record is None or not record.score:
            return 0.0
        half_life = HALF_LIFE * 2 ** max(0, min(record.refusals - 1, MAX_DOUBLINGS))
        return record.score * math.exp2(-max(0.0, self._now() - record.at) / half_life)

    def refuses(self, peer: str) -> bool:
        """Whether to have nothing to do with the peer for now."""
        record = self._records.get(peer)
        if record is None or not record.refused:
            return False
        if self.score(peer) < LIMIT / 2:
            record.refused = False
        return record.refused

    def dump(self, wall: float) -> list[dict[str, Any]]:
        """What to write down at `wall` seconds since the epoch."""
        return [
            {
                "peer": peer,
                "score": round(self.score(peer), 3),
                "at": round(wall),
                "refusals": record.refusals,
            }
            for peer, record in self._records.items()
            if record.refusals or self.score(peer) >= 1
        ]

    def load(self, entries: Sequence[Any], wall: float) -> None:
        """Take up what `dump` gave, with the time since then counted; leaves out what is malformed."""
        for entry in entries[-MAX_PEERS:]:
            if not isinstance(entry, dict):
                continue
            peer, refusals = entry.get("peer"), entry.get("refusals")
            score, at = entry.get("score"), entry.get("at")
            if not isinstance(peer, str) or not isinstance(refusals, int):
                continue
            if not _finite(score) or not _finite(at):
                continue
            age = max(0.0, wall - at)
            if age > FORGET_SECONDS:
                continue
            record = _Record(max(0.0, score), self._now() - age, max(0, refusals))
            self._records[peer] = record
            record.refused = record.refusals > 0 and self.score(peer) >= LIMIT / 2


def _finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


async def keep_reputation(reputation: Reputation, folder: Path, wall: Callable[[], float]) -> None:
    """Write `reputation.json` in `folder` every minute, and at the end, until cancelled."""
    path = folder / NAME
    written = reputation.dump(0)
    try:
        while True:
            await trio.sleep(SAVE_SECONDS)
            if reputation.dump(0) != written:
                written = reputation.dump(0)
                await trio.to_thread.run_sync(write_state, path, NAME_LIST, reputation.dump(wall()))
    finally:
        # A few kilobytes; a thread could not be awaited here.
        if reputation.dump(0) != written:
            write_state(path, NAME_LIST, reputation.dump(wall()))
