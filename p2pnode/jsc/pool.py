"""The pool as its logs tell it: all notes in order, the bins, the spent key images.

Fed event by event; `roll_back` forgets the newest blocks after a reorganisation. Holds public data only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from p2pnode.errors import ChainError
from p2pnode.jsc.bn254 import BN254, Affine, Jacobian, P
from p2pnode.jsc.generators import G, commit
from p2pnode.jsc.hashing import KEY_IMAGE_BASE, digest, domain, hash_to_point, key_image_base
from p2pnode.jsc.notes import DEPOSIT_MASK, StealthNote
from p2pnode.jsc.transaction import BIN, RING, BinRing, Member, Payment

_GENESIS: Final = domain("genesis")


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """Notes that one call added. A deposit has `amounts`; a transaction the rest."""

    block: int
    tx_hash: bytes
    first: int
    notes: tuple[StealthNote, ...]
    amounts: tuple[int, ...]
    images: tuple[Affine, ...]
    commitments: tuple[Affine, ...]
    payment: Payment | None

    @property
    def is_deposit(self) -> bool:
        return not self.images

    @property
    def released(self) -> int:
        """Units that left in public: fee and amount."""
        return self.payment.fee + self.payment.amount if self.payment is not None else 0


@dataclass(frozen=True, slots=True)
class _Added:
    event: PoolEvent
    place: int


class Pool:
    """Everything in the pool at `address` (20 bytes), which was deployed in `genesis_block`."""

    def __init__(self, chain_id: int, address: bytes, min_age: int, genesis_block: int) -> None:
        self.chain_id = chain_id
        self.address = address
        self.min_age = min_age
        self.genesis_block = genesis_block
        self.events: list[PoolEvent] = []
        self._notes: list[_Added] = []
        self._images: dict[Affine, PoolEvent] = {}
        self._members: dict[int, Member] = {}

    @property
    def note_count(self) -> int:
        """All notes, the unspendable first ones included."""
        return RING + len(self._notes)

    @property
    def supply(self) -> int:
        """Units in unspent notes, as the public amounts tell."""
        return sum(sum(event.amounts) - event.released for event in self.events)

    def add(self, event: PoolEvent) -> None:
        """Take the next event. ChainError when notes are missing before it."""
        if event.first != self.note_count:
            raise ChainError(
                f"JSC log at block {event.block} begins at note {event.first}, expected {self.note_count}; "
                "the RPC left out events: rescan, or use another RPC"
            )
        self.events.append(event)
        self._notes += [_Added(event, place) for place in range(len(event.notes))]
        self._images.update(dict.fromkeys(event.images, event))

    def roll_back(self, block: int) -> None:
        """Forget all events from `block` on."""
        while self.events and self.events[-1].block >= block:
            event = self.events.pop()
            del self._notes[len(self._notes) - len(event.notes) :]
            for image in event.images:
                del self._images[image]
        for index in [index for index in self._members if index >= self.note_count]:
            del self._members[index]

    def spender(self, image: Affine) -> PoolEvent | None:
        """The transaction that spent this key image."""
        return self._images.get(image)

    def note(self, index: int) -> tuple[PoolEvent, int]:
        """The event that added a note, and the note's place in it."""
        added = self._notes[index - RING]
        return added.event, added.place

    def member(self, index: int) -> Member:
        """A note as rings name it."""
        found = self._members.get(index)
        if found is None:
            found = self._members[index] = self._member(index)
        return found

    def completed_at(self, number: int) -> int | None:
        """Block in which the last note of a bin came; None while the bin is not full."""
        last = number * BIN + BIN - 1
        if last < RING:
            return self.genesis_block
        return self._notes[last - RING].event.block if last < self.note_count else None

    def eligible_bins(self, block: int) -> int:
        """Number of bins, from 0 on, that a transaction in block `block` may use."""
        count = self.note_count // BIN
        while count and (self.completed_at(count - 1) or 0) + self.min_age > block:
            count -= 1
        return count

    def ring(self, bins: Sequence[int]) -> BinRing:
        """The ring of four bins, in increasing order."""
        numbers = tuple(sorted(bins))
        blocks = []
        for number in numbers:
            block = self.completed_at(number)
            if block is None:
                raise ChainError(f"bin {number} of the JSC pool is not full yet; wait for more notes")
            blocks.append(block)
        members = tuple(self.member(n * BIN + i) for n in numbers for i in range(BIN))
        return BinRing(numbers, tuple(blocks), members)

    def commitment(self, event: PoolEvent, place: int) -> Jacobian:
        if event.is_deposit:
            return commit(event.amounts[place], DEPOSIT_MASK)
        return BN254.point(*event.commitments[place])

    def _member(self, index: int) -> Member:
        if index < RING:
            key = hash_to_point(_GENESIS, index.to_bytes(32, "big"))[0]
            points = BN254.affine([key, G, key_image_base(key)[0]])
            return Member(*points)
        event, place = self.note(index)
        note = event.notes[place]
        raw = b"".join(word.to_bytes(32, "big") for word in note.key)
        attempt = (len(note.roots) - 1).to_bytes(32, "big")
        base_x = int.from_bytes(digest(KEY_IMAGE_BASE, raw, attempt), "big") % P
        commitment = BN254.affine([self.commitment(event, place)])[0]
        return Member(note.key, commitment, (base_x, note.roots[-1]))


def is_unspendable(index: int) -> bool:
    """Whether a note is one of the first, which nobody has a key for."""
    return index < RING
