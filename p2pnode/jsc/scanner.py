"""Finds a wallet's notes among all notes of the pool, one multiplication a note.

Every note is looked at the same way, and nobody is asked about a single one of them: a node that serves the
logs learns nothing from the scan.
"""

from typing import Final

from p2pnode.errors import ProtocolError
from p2pnode.jsc.bn254 import BN254, Affine
from p2pnode.jsc.generators import G
from p2pnode.jsc.keys import ViewKeys
from p2pnode.jsc.notes import Received, Sent, context, ephemeral_key, receive, recover
from p2pnode.jsc.pool import Pool, PoolEvent

LOOKAHEAD: Final = 32
"""Subaddresses that are recognised beyond the last one handed out or paid."""


class Scanner:
    """Recognises what `keys` can see in the events of `pool`'s chain and contract."""

    def __init__(self, keys: ViewKeys, pool: Pool) -> None:
        self._keys = keys
        self._pool = pool
        self._multiply = BN254.multiplier(keys.view)
        self._subaddresses: dict[Affine, int] = {}
        self.cover(0)

    def cover(self, index: int) -> None:
        """Recognise all subaddresses up to `index`, and `LOOKAHEAD` more."""
        first, last = len(self._subaddresses), index + LOOKAHEAD
        points = [
            BN254.add(self._keys.spend_public, BN254.mul(self._keys.subaddress_scalar(i), G))
            for i in range(first, last + 1)
        ]
        self._subaddresses.update(zip(BN254.affine(points), range(first, last + 1), strict=True))

    def received(self, event: PoolEvent) -> list[tuple[int, Received]]:
        """(place in the event, note) of each note that is the wallet's."""
        found = []
        tied = tied_of(self._pool, event)
        for place, note in enumerate(event.notes):
            try:
                shared = self._multiply(ephemeral_key(note))
            except ProtocolError:
                # The chain takes any bytes for a memo; what cannot be read is nobody's.
                continue
            commitment = None if event.is_deposit else event.commitments[place]
            amount = event.amounts[place] if event.is_deposit else None
            mine = receive(self._keys, shared, note, tied[place], self._subaddresses, commitment, amount)
            if mine is not None:
                found.append((place, mine))
                self.cover(mine.subaddress)
        return found

    def sent(self, event: PoolEvent) -> list[tuple[int, Sent]]:
        """(place, payment) of each note of the event that this wallet made; needs the outgoing view key."""
        if self._keys.outgoing is None:
            return []
        found = []
        tied = tied_of(self._pool, event)
        for place, note in enumerate(event.notes):
            amount = event.amounts[place] if event.is_deposit else None
            payment = recover(self._keys.outgoing, note, tied[place], amount)
            if payment is not None:
                found.append((place, payment))
        return found


def tied_of(pool: Pool, event: PoolEvent) -> list[bytes]:
    """The context of each note of `event`, see `notes`."""
    if event.is_deposit:
        return [context(pool.chain_id, pool.address, None)] * len(event.notes)
    common = context(pool.chain_id, pool.address, event.images[0])
    return [common + bytes([place]) for place in range(len(event.notes))]
