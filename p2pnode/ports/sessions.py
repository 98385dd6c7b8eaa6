"""What the ledger keeps of sessions, and what the chain does with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from p2pnode.ports.roles import Role
from p2pnode.protocol.messages import CallReceipt, SessionAward, Signed, Voucher


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session in the ledger, one for each role and session hash; `state` is one of `market.sessions.state`.

    `receipt` is the worker's newest, at first for no call. `voucher` is the requester's newest (a worker's
    ledger has the one that paid for `receipt`), `output` the answer to the call it asked for. A requester
    signs no voucher for more than `reserved` calls without writing more first. The chain has paid `paid`.
    """

    role: Role
    session_hash: bytes
    state: str
    award: Signed[SessionAward]
    receipt: Signed[CallReceipt]
    peer: str
    changed: int
    voucher: Signed[Voucher] | None = None
    output: bytes = b""
    reserved: int = 0
    paid: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One answered call, as its requester keeps it: evidence, with the worker's `signature` on its receipt.

    Input and output are in the ledger's contents, by digest.
    """

    number: int
    input_digest: bytes
    output_digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The answer to a call that its requester has paid and not acknowledged; a settlement publishes it."""

    output: bytes
    signature: bytes


class SessionLog(Protocol):
    """The part of the write-ahead ledger that sessions use. Raises StoreError."""

    def add_session(self, session: SessionEntry) -> None:
        """Write a new session; StoreError if this role has it already."""

    def move_session(self, session: SessionEntry, *, expect: str) -> None:
        """Replace a session whose state is still `expect`; award and peer stay what they were."""

    def session(self, role: Role, session_hash: bytes) -> SessionEntry | None: ...

    def sessions(self, role: Role, states: Iterable[str]) -> list[SessionEntry]:
        """Sessions in one of these states, oldest first."""

    def add_call(self, session_hash: bytes, call: CallEntry) -> None: ...

    def calls(self, session_hash: bytes) -> list[CallEntry]:
        """The answered calls of a session that this node requested, in their order."""


class SessionChain(Protocol):
    """The part of the contracts that sessions use. Raises ChainError."""

    async def paid_calls(self, session_hash: bytes) -> int:
        """How many calls of a session the chain has paid."""

    async def settle_session(
        self,
        award: SessionAward,
        voucher: Signed[Voucher],
        answer: LastAnswer | None,
        key: str,
        *,
        credit: bool = False,
    ) -> bytes:
        """Send one settleSession and wait for it; its transaction. `key` and `credit` as in
        `Chain.settle_batch`."""
