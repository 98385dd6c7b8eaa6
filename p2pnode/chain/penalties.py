"""What evidence on the chain has cost an account: a worker's stake, a requester's bond."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import trio

from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.events import CHUNK, read_events
from p2pnode.chain.finality import FINAL_BLOCKS
from p2pnode.chain.rpc import Rpc, hexed

_NOBODY: Final = bytes(20)


class Fault(StrEnum):
    """What was shown: `ISlashing.Fault` in its order, then `IBonds.Overcommitted`."""

    MISSED = "missed"
    FALSE_RESULT = "false_result"
    OVERCOMMITTED = "overcommitted"


@dataclass(frozen=True, slots=True)
class Penalty:
    """`amount` of an account's JOY taken in `block`, at the time `at` in seconds UTC; `burnt` of it is gone.

    The rest went to those who were harmed, and to `rescuer`, who proved the task in the worker's place, if
    somebody did. `task_id` is None for a bond. What is not `final` may yet fall out of the chain.
    """

    fault: Fault
    amount: int
    burnt: int
    task_id: bytes | None
    rescuer: bytes | None
    block: int
    at: int
    transaction: bytes
    final: bool


class Penalties:
    """Reads one account's penalties from the logs of NodeCoordinator, and keeps what is final.

    Blocks that may still be replaced are read again each time, so that a penalty which a reorganisation took
    out is not shown. Should a chain replace final blocks, as a development chain that is reset does, all is
    read again.
    """

    def __init__(self, rpc: Rpc, coordinator: Contract, first_block: int) -> None:
        self._rpc = rpc
        self._contract = coordinator
        self._first_block = first_block
        self._reading = trio.Lock()
        self._account = _NOBODY
        self._known: list[Penalty] = []
        self._next = first_block
        self._end_hash: bytes | None = None

    async def of(self, account: bytes) -> Sequence[Penalty]:
        """All penalties of an account, the newest first. Raises ChainError."""
        async with self._reading:
            if account != self._account or not await self._is_same_chain():
                self._forget(account)
            last = await self._rpc.block_number()
            final = last - FINAL_BLOCKS
            # A chunk at a time, so that a reader who gives up has not read in vain.
            while self._next <= final:
                end = min(final, self._next + CHUNK - 1)
                found = await self._read(self._next, end, final=True)
                end_hash = await self._rpc.block_hash(end)
                self._known += found
                self._next, self._end_hash = end + 1, end_hash
            fresh = await self._read(self._next, last, final=False)
            return [*reversed(fresh), *reversed(self._known)]

    def _forget(self, account: bytes) -> None:
        self._account, self._known = account, []
        self._next, self._end_hash = self._first_block, None

    async def _is_same_chain(self) -> bool:
        return self._end_hash is None or await self._rpc.block_hash(self._next - 1) == self._end_hash

    async def _read(self, first: int, last: int, *, final: bool) -> list[Penalty]:
        mine = hexed(self._account.rjust(32, b"\0"))
        events: list[Event] = []
        for topics in (
            [self._contract.topic("Slashed"), None, mine],
            [self._contract.topic("Overcommitted"), mine],
        ):
            events += await read_events(self._rpc, [self._contract], first, last, topics)
        events.sort(key=lambda event: event.block)
        return [await self._penalty(event, final) for event in events]

    async def _penalty(self, event: Event, final: bool) -> Penalty:
        said = event.arguments
        slashed = event.name == "Slashed"
        rescuer = said["rescuer"] if slashed else _NOBODY
        return Penalty(
            fault=tuple(Fault)[said["fault"]] if slashed else Fault.OVERCOMMITTED,
            amount=said["amount"] if slashed else said["bond"],
            burnt=said["burnt"],
            task_id=said["taskId"] if slashed else None,
            rescuer=rescuer if rescuer != _NOBODY else None,
            block=event.block,
            at=await self._rpc.block_time(event.block),
            transaction=event.tx_hash,
            final=final,
        )
