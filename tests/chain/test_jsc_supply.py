"""Whatever happens in the pool, the hidden amounts add up to the JOY that the bridge holds.

The test owns every note, so it knows all hidden amounts. `make test-deep` takes 120 steps instead of 8.
"""

import os
import random

from p2pnode.amounts import JSC_UNIT
from p2pnode.identity import Account
from p2pnode.jsc.builder import build
from p2pnode.jsc.notes import Payee
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import OWNER, PoolUnderTest, open_pool, public

STEPS = 120 if os.environ.get("P2PNODE_DEEP") else 8


async def hidden_units(pool: PoolUnderTest) -> int:
    await pool.sync()
    return sum(note.received.amount for note in pool.wallet.unspent())


async def step(pool: PoolUnderTest, randomness: random.Random, number: int) -> None:
    """A deposit, a transfer, or a withdrawal to an address or an escrow, with random amounts."""
    held = await hidden_units(pool)
    if held < 100 or randomness.random() < 0.25:
        await pool.deposit([randomness.randrange(1, 1000) for _ in range(4)], f"deposit/{number}")
        return
    notes = sorted(note.received.amount for note in pool.wallet.unspent())[-2:]
    most = max(1, notes[-1] - 20)
    payees = [Payee(OWNER.views.address(number), randomness.randrange(most))]
    account = bytes([number % 255 + 1]) * 20
    amount = randomness.choice([0, randomness.randrange(1, 10)])
    payment = public(
        fee=randomness.randrange(5),
        relayer=account,
        amount=amount,
        recipient=account,
        to_escrow=randomness.random() < 0.5,
    )
    made = await pool.plan(payees, payment)
    await pool.chain.jsc.transact(build(made, OWNER.spend, None).transaction, f"spend/{number}")


async def test_hidden_amounts_equal_the_bridges_balance(chain_state: Devnet, rich: Account) -> None:
    randomness = random.Random(7)
    async with open_pool(chain_state, rich, [400, 300, 200, 100]) as pool:
        for number in range(STEPS):
            await step(pool, randomness, number)
            hidden = await hidden_units(pool)
            assert hidden == pool.wallet.pool.supply == await pool.chain.jsc.outstanding()
            assert await pool.chain.token.balance(pool.bridge.address) == hidden * JSC_UNIT
        assert any(not event.is_deposit for event in pool.wallet.pool.events)
