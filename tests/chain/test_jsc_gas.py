"""Gas of every shape of transaction, as docs/jsc.md publishes it."""

import re
from pathlib import Path

from p2pnode.identity import Account
from p2pnode.jsc.builder import build
from p2pnode.jsc.notes import Payee
from p2pnode.jsc.transaction import MAX_NOTES, MIN_OUTPUTS
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import OWNER, open_pool, public

DOCS = Path(__file__).parents[2] / "docs" / "jsc.md"
CAP = 1 << 24
"""Most gas of a transaction (EIP-7825)."""


def published() -> dict[tuple[int, int], int]:
    """Gas by (inputs, outputs), from the page's table."""
    found = {}
    for line in DOCS.read_text().splitlines():
        row = re.fullmatch(r"\| ([1-4]) in \|((?: [\d,]+ \|){3})", line)
        if row:
            for outputs, text in zip((2, 3, 4), row[2].split("|"), strict=False):
                found[int(row[1]), outputs] = int(text.replace(",", ""))
    return found


async def test_gas_is_what_the_page_says(chain_state: Devnet, rich: Account) -> None:
    async with open_pool(chain_state, rich, [100] * 8) as pool:
        measured = {}
        for inputs in range(1, MAX_NOTES + 1):
            for outputs in range(MIN_OUTPUTS, MAX_NOTES + 1):
                amounts = [1] * (outputs - 2) + [100 * inputs - 50]
                payees = [Payee(OWNER.views.address(i + 1), amount) for i, amount in enumerate(amounts)]
                transaction = build(await pool.plan(payees, public()), OWNER.spend, None).transaction
                assert (len(transaction.inputs), len(transaction.outputs)) == (inputs, outputs)
                data = pool.contract.encode("transact", transaction.abi())
                sender, address = pool.chain.account, pool.contract.address
                measured[inputs, outputs] = await pool.rpc.estimate_gas(sender, address, data, 0, CAP)
    print({shape: f"{gas:,}" for shape, gas in measured.items()})
    assert published().keys() == measured.keys()
    for shape, gas in measured.items():
        assert abs(gas / published()[shape] - 1) < 0.02, (shape, gas)
    assert max(measured.values()) < CAP // 2
