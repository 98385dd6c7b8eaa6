"""A worker's pay into its JSC wallet: what settles to credit becomes a private note of the set address.

Where the money is at any moment: in the settlement contract as the account's credit, or in a note. A payout
that fails leaves the credit where it is, for the next try or for `p2pnode jsc payout`.
"""

import secrets
from collections.abc import Mapping
from typing import Final

import structlog
import trio

from p2pnode.amounts import JSC_UNIT
from p2pnode.chain import ChainClient, TxReceipt
from p2pnode.chain.jsc import stealth_address
from p2pnode.errors import ChainError
from p2pnode.jsc.keys import Address
from p2pnode.jsc.notes import Payee, StealthNote, context, make

RETRY_SECONDS: Final = 600
_SETTLED: Final = frozenset({"settlement.confirmed", "rescue.settled", "session.settled"})

log = structlog.get_logger("p2pnode.payout")


class PrivatePayout:
    """Takes the account's credit as a note of `address` after every settlement."""

    def __init__(self, chain: ChainClient, address: Address) -> None:
        self._chain = chain
        self._address = address
        self._due = trio.Event()

    def follow(self, name: str, _fields: Mapping[str, object]) -> None:
        """An `events.Follower`: a settlement of tasks, a rescue or a session makes the next payout due."""
        if name in _SETTLED:
            self._due.set()

    async def run(self) -> None:
        """Pay out what there is, at the start as well, until cancelled."""
        while True:
            self._due = trio.Event()
            try:
                await self.pay()
            except ChainError as error:
                log.warning("payout.failed", reason=str(error), retry_seconds=RETRY_SECONDS)
            with trio.move_on_after(RETRY_SECONDS):
                await self._due.wait()

    async def pay(self) -> int:
        """Units that went into a note; 0 when there is no whole unit of credit. ChainError when refused."""
        units = await self._chain.settlement.credit(self._chain.account) // JSC_UNIT
        if not units:
            return 0
        pool = self._chain.deployment.addresses["JSC"]
        tied = context(self._chain.chain_id, pool, None)
        note, _, _ = make(Payee(self._address, units), tied, None, deposit=True)
        receipt = await pay_credit(self._chain, note, units, f"payout/{secrets.token_hex(16)}")
        log.info("payout.confirmed", units=units, tx_hash=receipt.tx_hash.hex())
        return units


async def pay_credit(chain: ChainClient, note: StealthNote, units: int, key: str) -> TxReceipt:
    """Turn `units` of the account's credit into `note`."""
    target, amount = chain.jsc.bridge, units * JSC_UNIT
    return await chain.settlement.withdraw_credit_to(target, stealth_address(note), amount, key)
