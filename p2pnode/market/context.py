"""What requester, worker and batcher share: the ports, the account's key, and the way events go out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from p2pnode.market.state import INITIAL, TaskState, check_transition
from p2pnode.ports import Blobs, Bus, Chain, Clock, Seals, Store, TaskEntry
from p2pnode.protocol.eip712 import Domain, Signable, digest, sign
from p2pnode.protocol.messages import (
    Award,
    Bid,
    CallReceipt,
    Offer,
    Result,
    SessionAward,
    Signed,
    Voucher,
)

M = TypeVar("M", Offer, Bid, Award, Result, SessionAward, Voucher, CallReceipt)


class OnEvent(Protocol):
    """Told of each step of a task; `docs/protocol.md` lists the names and fields."""

    def __call__(self, name: str, /, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """One node's ports and account. `random_bytes` draws nonces: os.urandom, or a seeded one in tests."""

    bus: Bus
    blobs: Blobs
    chain: Chain
    store: Store
    clock: Clock
    private_key: bytes
    on_event: OnEvent
    random_bytes: Callable[[int], bytes]
    seals: Seals

    @property
    def domain(self) -> Domain:
        """Where this node's signatures are valid."""
        return Domain(self.chain.chain_id, self.chain.settlement_address)

    @property
    def account(self) -> bytes:
        """Address of this node's account."""
        return self.chain.account

    def sign(self, message: M) -> Signed[M]:
        """`message` signed by this node's account."""
        return sign(self.domain, message, self.private_key)

    def digest(self, message: Signable) -> bytes:
        """Offer hash, bid hash, task ID or session hash."""
        return digest(self.domain, message)

    def begin(self, task: TaskEntry) -> TaskEntry:
        """Write a new task in the first state of its role."""
        task = replace(task, state=INITIAL[task.role], changed=self.clock.now())
        self.store.add_task(task)
        return task

    def move(self, task: TaskEntry, state: TaskState, **change: object) -> TaskEntry:
        """Write the move of a task. Raises MarketError if it is illegal, StoreError if it came too late."""
        new = check_transition(task.role, task.state, state)
        moved = replace(task, state=new, changed=self.clock.now(), **change)  # type: ignore[arg-type]
        self.store.move_task(moved, expect=task.state)
        return moved
