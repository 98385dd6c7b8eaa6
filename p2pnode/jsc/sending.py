"""What a wallet spends for a payment, and what it should be warned of before.

Change always goes to a subaddress that was never used, and every transaction has a change output, so that
payments with and without change look alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from p2pnode.errors import ConfigError
from p2pnode.jsc.builder import Plan, Source
from p2pnode.jsc.decoys import SYSTEM, PoolAge, Randomness, choose_bins
from p2pnode.jsc.notes import Payee
from p2pnode.jsc.pool import Pool, is_unspendable
from p2pnode.jsc.transaction import BIN, MAX_NOTES, MIN_OUTPUTS, BinRing, Payment
from p2pnode.jsc.wallet import Owned, Wallet

SECONDS_PER_BLOCK: Final = 12
MATCH_EVENTS: Final = 500
"""How many of the newest events a withdrawal's amount is compared with."""
DENOMINATIONS: Final = tuple(10**power for power in range(18, 5, -1))
"""Standard amounts of deposits, in units: powers of ten from 10^9 JOY down to 0.001 JOY."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The block a transaction is meant for, and the time, seconds UTC."""

    block: int
    now: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and sentences about what it may give away."""

    plan: Plan
    warnings: tuple[str, ...]


def plan(
    wallet: Wallet,
    payees: Sequence[Payee],
    payment: Payment,
    moment: Moment,
    randomness: Randomness = SYSTEM,
) -> Planned:
    """Choose notes, rings and change. ConfigError when the wallet cannot pay."""
    needed = sum(payee.amount for payee in payees) + payment.amount + payment.fee
    if len(payees) >= MAX_NOTES:
        raise ConfigError(f"{len(payees)} receivers; one transaction has at most {MAX_NOTES - 1}")
    chosen = _choose(wallet, needed, moment)
    change = sum(note.received.amount for note in chosen) - needed
    outputs = [*payees, Payee(wallet.new_subaddress()[1], change)]
    while len(outputs) < MIN_OUTPUTS:
        outputs.append(Payee(wallet.new_subaddress()[1], 0))
    return _planned(wallet, chosen, outputs, payment, moment, randomness)


def plan_sweep(
    wallet: Wallet, payee: Payee | None, payment: Payment, moment: Moment, randomness: Randomness = SYSTEM
) -> Planned:
    """Spend up to four notes whole, largest first: to `payee` (its amount is set here), else in public."""
    notes = sorted(wallet.spendable(moment.block, moment.now), key=lambda note: -note.received.amount)
    chosen = notes[:MAX_NOTES]
    amount = sum(note.received.amount for note in chosen) - payment.fee
    if amount <= 0:
        raise ConfigError("nothing to sweep: no spendable note, or less than the fee")
    outputs = []
    if payee is None:
        payment = replace(payment, amount=amount)
    else:
        outputs.append(replace(payee, amount=amount))
    while len(outputs) < MIN_OUTPUTS:
        outputs.append(Payee(wallet.new_subaddress()[1], 0))
    return _planned(wallet, chosen, outputs, payment, moment, randomness)


def denominations(units: int, most: int = MAX_NOTES) -> list[int]:
    """`units` as at most `most` amounts, standard ones first and the rest in the last."""
    parts: list[int] = []
    for denomination in DENOMINATIONS:
        while units >= denomination and len(parts) < most - 1:
            parts.append(denomination)
            units -= denomination
    if units:
        parts.append(units)
    return parts


def hiding_notes(pool: Pool, ring: BinRing) -> int:
    """How many members of a ring somebody could own: the size of the real anonymity set."""
    return sum(not is_unspendable(number * BIN + i) for number in ring.bins for i in range(BIN))


def _choose(wallet: Wallet, needed: int, moment: Moment) -> list[Owned]:
    """The smallest note that suffices, else the fewest of the largest: notes spent together are linked."""
    notes = sorted(wallet.spendable(moment.block, moment.now), key=lambda note: note.received.amount)
    enough = [note for note in notes if note.received.amount >= needed]
    if enough:
        return enough[:1]
    chosen: list[Owned] = []
    while notes and len(chosen) < MAX_NOTES and sum(note.received.amount for note in chosen) < needed:
        chosen.append(notes.pop())
    held = sum(note.received.amount for note in chosen)
    if held < needed:
        balance = wallet.balance(moment.block, moment.now)
        raise ConfigError(
            f"payment needs {needed} units; {MAX_NOTES} notes hold at most {held} of {balance.spendable} "
            f"spendable, and {balance.locked} more are locked until more notes come: "
            "sweep first, wait, or pay less"
        )
    return chosen


def _planned(
    wallet: Wallet,
    chosen: Sequence[Owned],
    outputs: Sequence[Payee],
    payment: Payment,
    moment: Moment,
    randomness: Randomness,
) -> Planned:
    pool = wallet.pool
    eligible = pool.eligible_bins(moment.block)
    seconds = max(1, moment.block - pool.genesis_block) * SECONDS_PER_BLOCK
    age = PoolAge(eligible, max(1.0, seconds / eligible))
    sources = []
    for note in chosen:
        number, place = divmod(note.index, BIN)
        ring = pool.ring(choose_bins(number, age, randomness))
        place += ring.bins.index(number) * BIN
        got = note.received
        sources.append(Source(note.index, ring, place, got.offset, got.amount, got.mask))
    made = Plan(pool.chain_id, pool.address, tuple(sources), tuple(outputs), payment)
    return Planned(made, tuple(_warnings(pool, made)))


def _warnings(pool: Pool, made: Plan) -> list[str]:
    found = []
    least = min(hiding_notes(pool, source.ring) for source in made.sources)
    if least < len(made.sources[0].ring.members):
        found.append(
            f"the pool is small: a spent note hides among {least} notes that can be spent, not among 16"
        )
    if len(made.sources) > 1:
        found.append(f"{len(made.sources)} notes are spent together, which shows that one owner has them")
    payment = made.payment
    if payment.amount:
        recent = pool.events[-MATCH_EVENTS:]
        exact = {payment.amount, payment.amount + payment.fee}
        for event in reversed(recent):
            if event.is_deposit and (exact & {*event.amounts, sum(event.amounts)}):
                found.append(
                    f"the amount equals a deposit in block {event.block}: an onlooker will match the two; "
                    "withdraw another amount, or wait"
                )
                break
        if any(
            event.payment is not None
            and event.payment.amount
            and event.payment.recipient == payment.recipient
            for event in recent
        ):
            found.append("this address has received from the pool before, which links the two withdrawals")
    if not any(payment.relayer):
        found.append("no relayer: the account that pays for gas is seen beside the payment")
    return found
