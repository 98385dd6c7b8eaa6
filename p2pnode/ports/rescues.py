"""Rescues of missed tasks: what the chain shows of them, and what the ledger keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pnode.ports.compute import Proof
from p2pnode.ports.roles import Role
from p2pnode.protocol.messages import Award, Bid, Offer, Signed


@dataclass(frozen=True, slots=True)
class Papers:
    """What the report of a missed award hands over: all that is needed to settle or to rescue it."""

    offer: Offer
    bid: Signed[Bid]
    award: Signed[Award]
    tensors: bytes


@dataclass(frozen=True, slots=True)
class RescuableAward:
    """A missed award whose report published its input, in `transaction`.

    Anyone may rescue it after `answer_until` and until `rescue_until`, both in seconds UTC.
    """

    task_id: bytes
    requester: bytes
    worker: bytes
    answer_until: int
    rescue_until: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Rescued:
    """How the chain paid a rescue: to whom, and the output that was proved."""

    rescuer: bytes
    output_digest: bytes
    transaction: bytes


@dataclass(frozen=True, slots=True)
class RescueEntry:
    """A rescue in the ledger, one for each role and task; `state` is one of `market.rescues.state`.

    A worker's is its own; `output_digest` is proved by `proof`, whose journal has one leaf. A requester's
    says who proved its task in its worker's place. Input and output are in the ledger's contents, by digest.
    """

    role: Role
    task_id: bytes
    state: str
    award: Signed[Award]
    rescuer: bytes
    rescue_until: int
    changed: int
    output_digest: bytes = b""
    proof: Proof | None = None
    transaction: bytes = b""
    reason: str = ""


class RescueLog(Protocol):
    """The part of the write-ahead ledger that rescues use. Raises StoreError."""

    def add_rescue(self, rescue: RescueEntry) -> None:
        """Write a new rescue; StoreError if this role has one of that task already."""

    def move_rescue(self, rescue: RescueEntry, *, expect: str) -> None:
        """Replace a rescue whose state is still `expect`."""

    def rescue(self, role: Role, task_id: bytes) -> RescueEntry | None: ...

    def rescues(self, role: Role, states: Iterable[str]) -> list[RescueEntry]:
        """Rescues in one of these states, oldest first."""


class RescueChain(Protocol):
    """The part of the contracts that rescues use. Raises ChainError."""

    async def rescuable_awards(self) -> Sequence[RescuableAward]:
        """Awards that can be rescued now, as their logs say, the nearest end of the window first."""

    async def report_papers(self, award: RescuableAward) -> Papers | None:
        """What the award's report published; None if it is not what a report looks like, or too large."""

    async def is_report_open(self, task_id: bytes) -> bool:
        """Whether an award is under report and nobody has settled it."""

    async def rescue_reward(self, award: RescuableAward) -> int:
        """The share of the worker's stake that a rescuer would get now, beside the price."""

    async def rescue(
        self, award: Award, output_digest: bytes, proof: Proof, key: str, *, credit: bool
    ) -> None:
        """Have the proof verified, then be paid for the award: two transactions, each waited for.

        The proof has one leaf, with this account's rescue ID. `key` as in `Chain.settle_batch`.
        """

    async def find_rescue(self, task_id: bytes, since: int) -> Rescued | None:
        """Who was paid for a missed award, if anybody was; looks back to the time `since`."""
