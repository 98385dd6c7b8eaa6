"""Which notes a wallet spends and what it warns of, and what it asks of the chain: nothing about itself.

Numbers in names are those of the list of attacks in docs/jsc.md.
"""

from collections.abc import Sequence

import pytest

from p2pnode.errors import ConfigError
from p2pnode.jsc.keys import SpendKeys
from p2pnode.jsc.notes import Payee, context, make
from p2pnode.jsc.pool import Pool, PoolEvent
from p2pnode.jsc.sending import Moment, denominations, plan
from p2pnode.jsc.sync import STRETCH, sync
from p2pnode.jsc.transaction import Payment
from p2pnode.jsc.wallet import Wallet
from p2pnode.jsc.wallet_file import Position

CHAIN, POOL = 31337, bytes(20)
OWNER, OTHER = SpendKeys.from_scalar(5), SpendKeys.from_scalar(6)
RELAYER = bytes([7] * 20)
NOW = Moment(1000, 0)


def deposit(block: int, first: int, amounts: Sequence[int], keys: SpendKeys = OWNER) -> PoolEvent:
    tied = context(CHAIN, POOL, None)
    payees = [Payee(keys.views.address(), amount) for amount in amounts]
    notes = tuple(make(payee, tied, None, deposit=True)[0] for payee in payees)
    return PoolEvent(block, bytes(32), first, notes, tuple(amounts), (), (), None)


def funded(*amounts: Sequence[int]) -> Wallet:
    """A wallet with four notes a deposit, in blocks 1, 2, ..."""
    wallet = Wallet.open(OWNER, Pool(CHAIN, POOL, 0, 0))
    for place, four in enumerate(amounts):
        wallet.add(deposit(place + 1, 16 + 4 * place, four))
    return wallet


def public(amount: int = 0, relayer: bytes = RELAYER) -> Payment:
    return Payment(0, relayer, amount, bytes([9] * 20) if amount else bytes(20), False, 1 << 40)


def paid(wallet: Wallet, amount: int) -> list[int]:
    made = plan(wallet, [Payee(OTHER.views.address(), amount)], public(), NOW).plan
    return sorted(source.amount for source in made.sources)


def test_one_note_that_suffices_is_spent_alone() -> None:
    """17: notes that are spent together have one owner."""
    wallet = funded([10, 20, 50, 100])
    assert paid(wallet, 5) == [10]
    assert paid(wallet, 11) == [20]
    assert paid(wallet, 100) == [100]
    assert paid(wallet, 101) == [50, 100]
    assert paid(wallet, 180) == [10, 20, 50, 100]
    with pytest.raises(ConfigError, match="180 of 180 spendable"):
        paid(wallet, 181)


def test_a_frozen_note_is_not_spent() -> None:
    """17: a poisoned note stays out of every payment until its owner lets it in."""
    wallet = funded([10, 20, 50, 100])
    wallet.freeze(16, True)
    assert paid(wallet, 5) == [20]
    wallet.freeze(16, False)
    assert paid(wallet, 5) == [10]


def test_change_goes_to_an_address_that_was_never_used() -> None:
    wallet = funded([10, 20, 50, 100])
    seen = {OWNER.views.address().raw, OTHER.views.address().raw}
    for _ in range(5):
        made = plan(wallet, [Payee(OTHER.views.address(), 5)], public(), NOW).plan
        fresh = [payee.address.raw for payee in made.payees if payee.address.raw != OTHER.views.address().raw]
        assert len(fresh) == 1
        assert not seen & set(fresh)
        seen |= set(fresh)


def test_warnings_name_what_a_payment_gives_away() -> None:
    """17: small pool, several notes, a matching amount, a gas payer, an address used twice."""
    wallet = funded([10, 20, 50, 100])

    def warned(amount: int, relayer: bytes = RELAYER) -> str:
        return "\n".join(plan(wallet, [], public(amount, relayer), NOW).warnings)

    assert "hides among 4 notes that can be spent, not among 16" in warned(7)
    assert "spent together" not in warned(7)
    assert "spent together" in warned(101)
    assert "equals a deposit in block 1" in warned(20)
    assert "equals a deposit in block 1" in warned(180)
    assert "equals a deposit" not in warned(21)
    assert "no relayer" in warned(7, bytes(20))
    assert "no relayer" not in warned(7)


def test_a_full_pool_is_not_called_small() -> None:
    wallet = funded(*([1, 2, 3, 4] for _ in range(80)))
    assert "pool is small" not in "".join(plan(wallet, [], public(2), NOW).warnings[:1])


def test_a_deposit_is_split_into_standard_amounts() -> None:
    parts = denominations(123_456_789_012)
    assert (sum(parts), len(parts)) == (123_456_789_012, 4)
    assert all(set(str(part)) <= {"0", "1", "2", "5"} for part in parts[:-1])
    assert denominations(1) == [1]


class Recorder:
    """A `PoolSource` that remembers what it was asked."""

    def __init__(self, events: Sequence[PoolEvent]) -> None:
        self._events = events
        self.asked: list[tuple[str, int, int]] = []

    async def head(self) -> int:
        return 3 * STRETCH + 5

    async def block_hash(self, block: int) -> bytes | None:
        self.asked.append(("hash", block, block))
        return block.to_bytes(32, "big")

    async def pool_events(self, first: int, last: int) -> Sequence[PoolEvent]:
        self.asked.append(("events", first, last))
        return [event for event in self._events if first <= event.block <= last]


async def test_a_node_cannot_tell_wallets_apart_by_what_they_ask() -> None:
    """18: an owner of everything and an owner of nothing ask for the same blocks, whole stretches of them."""
    events = [deposit(1, 16, [1, 2, 3, 4]), deposit(2 * STRETCH, 20, [5, 6, 7, 8])]
    asked = []
    for keys, owned in ((OWNER, 8), (OTHER, 0)):
        wallet, source = Wallet.open(keys, Pool(CHAIN, POOL, 0, 0)), Recorder(events)
        await sync(wallet, Position([], 0), source, save=lambda: None, truncated=lambda: None)
        assert len(wallet.notes) == owned
        asked.append(source.asked)
    assert asked[0] == asked[1]
    spans = [(first, last) for kind, first, last in asked[0] if kind == "events"]
    assert spans == [(1 + i * STRETCH, min((i + 1) * STRETCH, 3 * STRETCH + 5)) for i in range(4)]
