"""What the chain's adapter asks of the ledger: to remember a transaction before it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TxState(StrEnum):
    """How far a sent transaction is known to have come."""

    OPEN = "open"
    MINED = "mined"
    FINAL = "final"
    """Mined, and too deep for a reorganisation."""
    REVERTED = "reverted"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """One signed transaction, recorded before it left: `raw` is what goes to the chain again and again."""

    key: str
    nonce: int
    raw: bytes
    tx_hash: bytes
    state: TxState


class TxLog(Protocol):
    """The part of the ledger that remembers transactions. Every write is durable when it returns."""

    async def record_intent(self, key: str, nonce: int, raw: bytes, tx_hash: bytes) -> None:
        """Remember a signed transaction as OPEN. A key has several when it was sent again with more fee."""

    async def find(self, key: str) -> Sequence[SentTransaction]:
        """What was recorded for `key`, oldest first."""

    async def transactions(self, state: TxState) -> Sequence[SentTransaction]:
        """All that are in this state, oldest first."""

    async def mark(self, tx_hash: bytes, state: TxState) -> None:
        """Note what became of one transaction."""
