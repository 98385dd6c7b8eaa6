"""Keeps an account's transactions in the chain until no reorganisation can take them out.

A transaction counts after `confirmations`, and its block may still be replaced by another one. What fell
out is handed to the chain again: it is signed and keeps its nonce, so it does the same once more and no
more than that.
"""

from typing import Final

import structlog
import trio

from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.rpc import Rpc
from p2pnode.errors import ChainError
from p2pnode.ports import SentTransaction, TxLog, TxState

FINAL_BLOCKS: Final = 64
"""Two epochs of proof-of-stake Ethereum, after which a block is final (consensus specification, Gasper)."""
_LEAST_SECONDS: Final = 5.0
"""Between looks; blocks come no faster on chains where reorganisations matter."""

log = structlog.get_logger()


class Finality:
    """Watches the transactions whose keys begin with `scope`."""

    def __init__(self, rpc: Rpc, ledger: TxLog, scope: str, poll_seconds: float) -> None:
        self._rpc = rpc
        self._ledger = ledger
        self._scope = scope
        self._seconds = max(poll_seconds, _LEAST_SECONDS)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except ChainError as error:
                log.warning("chain.unreachable", reason=str(error))
            await trio.sleep(self._seconds)

    async def look(self) -> None:
        """Send again what fell out of the chain, and note what is final. Raises ChainError."""
        waiting = await self.waiting()
        if not waiting:
            return
        height = await self._rpc.block_number()
        for sent in waiting:
            await self._check(sent, height)

    async def waiting(self) -> list[SentTransaction]:
        """Transactions that are not final, by nonce."""
        found = [
            sent
            for state in (TxState.MINED, TxState.OPEN)
            for sent in await self._ledger.transactions(state)
            if sent.key.startswith(self._scope)
        ]
        return sorted(found, key=lambda sent: sent.nonce)

    async def _check(self, sent: SentTransaction, height: int) -> None:
        receipt = await self._rpc.receipt(sent.tx_hash)
        if receipt is None:
            if sent.state is TxState.MINED:
                log.warning("transaction.reorganised", tx_hash=sent.tx_hash, nonce=sent.nonce)
            try:
                await self._rpc.send_raw(sent.raw)
            except RpcError as error:
                # Still in the pool, or its place was taken by a form with another fee.
                log.debug("transaction.not_taken", tx_hash=sent.tx_hash, reason=error.message)
        elif sent.state is TxState.MINED and height - receipt.block >= FINAL_BLOCKS:
            await self._ledger.mark(sent.tx_hash, TxState.FINAL)
