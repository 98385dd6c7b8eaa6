"""The contracts: who is registered, what is owed, and what a settlement did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from p2pnode.ports.rescues import Papers, RescueChain
from p2pnode.ports.sessions import SessionChain
from p2pnode.protocol.messages import Award, Result, Signed


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model registered in ModelMarketplace; `fee` is the least that an award must pay to its holders.

    `version` counts within the series that began with `series`; `licence` is an SPDX expression, a CID or "".
    """

    model_digest: bytes
    owner: bytes
    fee: int
    metadata: str
    retired: bool
    licence: str = ""
    version: int = 1
    series: bytes = b""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A worker registered in NodeCoordinator."""

    account: bytes
    peer_id: str
    stake: int
    capacity: int
    active: bool
    settled: int
    missed: int


@dataclass(frozen=True, slots=True)
class SettlementOutcome:
    """What one settleBatch transaction did.

    `elsewhere` names, for tasks that are settled in another one, that transaction.
    """

    transaction: bytes
    gas_used: int
    block: int
    settled: tuple[bytes, ...]
    skipped: Mapping[bytes, str]
    elsewhere: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportedAward:
    """An award whose deadline has passed and which its worker may settle until `answer_until`.

    `papers` are None where the worker had signed a result, and so has them.
    """

    task_id: bytes
    answer_until: int
    papers: Papers | None


class Chain(SessionChain, RescueChain, Protocol):
    """The contracts, as calls. Raises ChainError. Reads may be cached for seconds, writes never."""

    @property
    def chain_id(self) -> int: ...

    @property
    def settlement_address(self) -> bytes:
        """Address of ProofOfInference: the EIP-712 verifying contract."""

    @property
    def token_address(self) -> bytes: ...

    @property
    def account(self) -> bytes: ...

    async def listing(self, model_digest: bytes) -> ModelListing | None: ...

    async def node(self, account: bytes) -> NodeRecord | None: ...

    async def free_escrow(self, requester: bytes) -> int: ...

    async def bond(self, requester: bytes) -> int:
        """What a requester loses when it signs more awards than its escrow covers; 0 while on its way out."""

    async def reported_awards(self) -> Sequence[ReportedAward]:
        """Awards of this account that are under report and can still be settled."""

    async def report_unproved(self, award: Signed[Award], result: Signed[Result], key: str) -> int:
        """Report a worker that answered and did not settle; when the report can be closed, seconds UTC.

        Sets the price aside from this account's escrow until then. `key` as in `settle_batch`.
        """

    async def report_missed(self, papers: Papers, key: str) -> int:
        """As `report_unproved`, by the bid alone: it publishes the input, so that others may rescue it."""

    async def close_report(self, award: Award, key: str) -> None:
        """End a report that nobody answered, unless somebody else did: the worker loses stake for it."""

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool: ...

    async def find_settlement(self, task_id: bytes, since: int) -> bytes | None:
        """Hash of the transaction that paid a task, whoever sent it; looks back to the time `since`."""

    async def gas_price(self) -> int:
        """Wei that one unit of gas costs now."""

    async def settle_batch(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        seal: bytes,
        key: str,
        *,
        credit: bool = False,
    ) -> SettlementOutcome:
        """Send one settleBatch (seal without selector) and wait for it; `credit` pays all of it by credit.

        `key` names the intent: a repeat with the same key after a crash finds the transaction that was
        sent before, instead of paying gas twice.
        """
