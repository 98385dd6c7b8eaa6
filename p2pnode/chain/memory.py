"""A ledger of transactions for programs that send a few and end."""

from collections.abc import Sequence
from dataclasses import replace

from p2pnode.ports import SentTransaction, TxState


class MemoryTxLog:
    """`ports.TxLog` without a file: keys are remembered until the process ends."""

    def __init__(self) -> None:
        self._sent: list[SentTransaction] = []

    async def record_intent(self, key: str, nonce: int, raw: bytes, tx_hash: bytes) -> None:
        """See `ports.TxLog`."""
        self._sent.append(SentTransaction(key, nonce, raw, tx_hash, TxState.OPEN))

    async def find(self, key: str) -> Sequence[SentTransaction]:
        """See `ports.TxLog`."""
        return [sent for sent in self._sent if sent.key == key]

    async def transactions(self, state: TxState) -> Sequence[SentTransaction]:
        """See `ports.TxLog`."""
        return [sent for sent in self._sent if sent.state is state]

    async def mark(self, tx_hash: bytes, state: TxState) -> None:
        """See `ports.TxLog`."""
        self._sent = [replace(sent, state=state) if sent.tx_hash == tx_hash else sent for sent in self._sent]
