"""A wallet: its keys, the notes it owns, and what it remembers of payments and people.

Knows the chain only as the events it is given; `sync` feeds it and `wallet_file` keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from p2pnode.errors import ConfigError
from p2pnode.jsc.bn254 import BN254, Affine, N
from p2pnode.jsc.keys import Address, SpendKeys, ViewKeys
from p2pnode.jsc.notes import Received
from p2pnode.jsc.pool import Pool, PoolEvent
from p2pnode.jsc.scanner import Scanner
from p2pnode.jsc.transaction import BIN

CHECKPOINTS: Final = 128
"""Blocks whose hashes are remembered; a reorganisation deeper than the oldest means a rescan."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A note of this wallet; `index` is its number in the pool. `image` is None until it is known."""

    index: int
    block: int
    tx_hash: bytes
    key: Affine
    received: Received
    image: Affine | None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class SentNote:
    """What proves a payment: the note's key, the payee and the anchor."""

    key: Affine
    address: Address
    amount: int
    anchor: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """Units. `locked` waits for its bin to fill and age, `pending` is in a transaction not seen yet."""

    spendable: int
    locked: int
    pending: int
    frozen: int

    @property
    def total(self) -> int:
        return self.spendable + self.locked + self.pending + self.frozen


@dataclass(slots=True)
class Book:
    """What cannot be read again from the chain."""

    restore_block: int = 0
    subaddresses: int = 1
    """Number of subaddresses in use; change takes a new one each time."""
    labels: dict[int, str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)
    sent: list[SentNote] = field(default_factory=list)
    pending: dict[Affine, int] = field(default_factory=dict)
    """Key images in submitted transactions, and the deadlines of these."""
    images: dict[Affine, Affine] = field(default_factory=dict)
    """Imported key images by note key, for a view-only wallet."""
    frozen: set[Affine] = field(default_factory=set)


class Wallet:
    """`spend` is None in a view-only wallet."""

    def __init__(self, views: ViewKeys, spend: int | None, pool: Pool, book: Book) -> None:
        self.views = views
        self.spend = spend
        self.pool = pool
        self.book = book
        self.notes: list[Owned] = []
        self.scanner = Scanner(views, pool)
        self.scanner.cover(book.subaddresses)

    @classmethod
    def open(cls, keys: SpendKeys, pool: Pool, restore_block: int = 0) -> "Wallet":
        """A full wallet that looks for its notes from `restore_block` on."""
        return cls(keys.views, keys.spend, pool, Book(restore_block))

    def spend_key(self) -> int:
        """The secret spend key. ConfigError in a view-only wallet."""
        if self.spend is None:
            raise ConfigError(
                "this wallet is view-only; export the transaction and sign it where the seed is"
            )
        return self.spend

    def add(self, event: PoolEvent) -> list[Owned]:
        """Take the pool's next event and return the notes in it that are this wallet's."""
        self.pool.add(event)
        if event.block < self.book.restore_block:
            return []
        found = [self._owned(event, place, received) for place, received in self.scanner.received(event)]
        for note in found:
            self.book.subaddresses = max(self.book.subaddresses, note.received.subaddress + 1)
            self._credit(note)
        return found

    def roll_back(self, block: int) -> None:
        """Forget what came in block `block` or later."""
        self.pool.roll_back(block)
        self.notes = [note for note in self.notes if note.block < block]

    def rescan(self) -> None:
        """Look for notes again in all events that are here, from the restore height on."""
        events = list(self.pool.events)
        self.roll_back(0)
        for event in events:
            self.add(event)

    def set_restore_block(self, block: int) -> None:
        """Notes before `block` are not looked for."""
        self.book.restore_block = block
        self.rescan()

    def new_subaddress(self, label: str = "") -> tuple[int, Address]:
        """An address that was never used."""
        index = self.book.subaddresses
        self.book.subaddresses += 1
        self.scanner.cover(index)
        if label:
            self.book.labels[index] = label
        return index, self.views.address(index)

    def unspent(self) -> list[Owned]:
        """Notes no transaction on the chain has spent, oldest first."""
        return [note for note in self.notes if note.image is None or self.pool.spender(note.image) is None]

    def spendable(self, block: int, now: int) -> list[Owned]:
        """Notes a transaction in `block` may spend; `now` in seconds UTC."""
        eligible = self.pool.eligible_bins(block)
        return [
            note
            for note in self.unspent()
            if not note.frozen and note.index // BIN < eligible and not self._is_pending(note, now)
        ]

    def balance(self, block: int, now: int) -> Balance:
        """What a transaction in `block` could spend, and the rest."""
        sums = {"spendable": 0, "locked": 0, "pending": 0, "frozen": 0}
        ready = {note.index for note in self.spendable(block, now)}
        for note in self.unspent():
            kind = "locked"
            if note.frozen:
                kind = "frozen"
            elif self._is_pending(note, now):
                kind = "pending"
            elif note.index in ready:
                kind = "spendable"
            sums[kind] += note.received.amount
        return Balance(**sums)

    def freeze(self, index: int, frozen: bool) -> None:
        """Keep a note out of payments, or let it in again. ConfigError for a note that is not here."""
        for place, note in enumerate(self.notes):
            if note.index == index:
                self.notes[place] = replace(note, frozen=frozen)
                (self.book.frozen.add if frozen else self.book.frozen.discard)(note.key)
                return
        raise ConfigError(f"note {index} is not this wallet's; `p2pnode jsc notes` lists those that are")

    def key_images(self) -> dict[Affine, Affine]:
        """Key image of each note by the note's key, to show a view-only wallet what is spent."""
        return {note.key: note.image for note in self.notes if note.image is not None}

    def import_key_images(self, images: dict[Affine, Affine]) -> None:
        """Take `key_images` of the wallet that has the seed."""
        self.book.images.update(images)
        self.notes = [replace(note, image=images.get(note.key, note.image)) for note in self.notes]

    def submitted(self, images: Iterable[Affine], deadline: int) -> None:
        """Remember that these key images are on their way, so that no second payment uses them."""
        self.book.pending.update(dict.fromkeys(images, deadline))

    def _is_pending(self, note: Owned, now: int) -> bool:
        return note.image is not None and self.book.pending.get(note.image, -1) >= now

    def _owned(self, event: PoolEvent, place: int, received: Received) -> Owned:
        key = event.notes[place].key
        image = self.book.images.get(key)
        if self.spend is not None:
            base = self.pool.member(event.first + place).base
            secret = (self.spend + received.offset) % N
            image = BN254.affine([BN254.mul(secret, BN254.point(*base))])[0]
        frozen = key in self.book.frozen
        return Owned(event.first + place, event.block, event.tx_hash, key, received, image, frozen)

    def _credit(self, note: Owned) -> None:
        # Notes with one key have one key image, so only one of them can be spent: the larger.
        twin = next((place for place, other in enumerate(self.notes) if other.key == note.key), None)
        if twin is None:
            self.notes.append(note)
        elif self.notes[twin].received.amount < note.received.amount:
            self.notes[twin] = note
