"""Missed awards that anyone may rescue: found by their reports, proved, and paid."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar

import trio

from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.events import CHUNK, read_events
from p2pnode.chain.finality import FINAL_BLOCKS
from p2pnode.chain.rpc import Rpc
from p2pnode.chain.settlement import Settlement, Slice
from p2pnode.errors import ChainError
from p2pnode.ports import Papers, Proof, RescuableAward
from p2pnode.protocol import journal as journals
from p2pnode.protocol.messages import Award, Bid, Offer, Signed
from p2pnode.protocol.schema import MAX_TENSORS

M = TypeVar("M", Offer, Bid, Award)

ANSWER_WINDOW: Final = 24 * 3600
"""Seconds after a report in which the award's own worker may still settle it."""
RESCUE_WINDOW: Final = 24 * 3600
"""Seconds after the answer window in which others may settle; then a report can be closed."""
_MOST_KNOWN: Final = 4096
_MOST_CALLDATA: Final = MAX_TENSORS + 8192
"""Bytes: the papers take less than 2 KiB beside the input."""
_REWARD_DIVISOR: Final = 4
"""A rescuer gets a quarter of the penalty: Slashing.sol."""


class Rescues:
    """Reads reports from the logs of NodeCoordinator, and keeps those that are final and not over.

    Blocks that may still be replaced are read again each time. Should a chain replace final blocks, as a
    development chain that is reset does, all is read again. Only what the chain's state says of a report
    (`reportOf`) decides anything.
    """

    def __init__(
        self, rpc: Rpc, coordinator: Contract, verifier: Contract, settlement: Settlement, first_block: int
    ) -> None:
        self._rpc = rpc
        self._coordinator = coordinator
        self._verifier = verifier
        self._settlement = settlement
        self._first_block = first_block
        self._reading = trio.Lock()
        self._known: dict[bytes, RescuableAward] = {}
        self._next: int | None = None
        self._end_hash: bytes | None = None

    async def open(self) -> Sequence[RescuableAward]:
        """See `ports.RescueChain.rescuable_awards`."""
        async with self._reading:
            now, last = await self._rpc.block_time(), await self._rpc.block_number()
            if self._next is None or not await self._is_same_chain(self._next):
                self._known, self._end_hash = {}, None
                self._next = await self._oldest(last, now)
            final = last - FINAL_BLOCKS
            # A chunk at a time, so that a reader who gives up has not read in vain.
            while self._next <= final:
                end = min(final, self._next + CHUNK - 1)
                found = await self._read(self._next, end)
                end_hash = await self._rpc.block_hash(end)
                self._known |= {report.task_id: report for report in found}
                self._next, self._end_hash = end + 1, end_hash
            fresh = await self._read(self._next, last)
            live = [report for report in self._known.values() if now <= report.rescue_until]
            self._known = {report.task_id: report for report in live[-_MOST_KNOWN:]}
            due = [report for report in [*live, *fresh] if report.answer_until < now <= report.rescue_until]
            return sorted(due, key=lambda report: report.rescue_until)[:_MOST_KNOWN]

    async def papers(self, found: RescuableAward) -> Papers | None:
        """See `ports.RescueChain.report_papers`."""
        return await read_papers(self._rpc, self._coordinator, found.transaction)

    async def reward(self, found: RescuableAward) -> int:
        """See `ports.RescueChain.rescue_reward`."""
        reported = found.answer_until - ANSWER_WINDOW
        if int(await self._verifier.read("runningSince")) > reported:
            # A worker could not settle while the verifier was stopped, so it keeps its stake.
            return 0
        node, _ = await self._coordinator.read("nodeOf", found.worker)
        return min(int(node["stake"]), int(await self._coordinator.read("penalty"))) // _REWARD_DIVISOR

    async def settle(
        self, award: Award, output_digest: bytes, rescuer: bytes, proof: Proof, key: str, *, credit: bool
    ) -> None:
        """See `ports.RescueChain.rescue`."""
        journal = journals.parse(proof.journal)
        if journal.count != 1:
            raise ChainError(f"journal of rescue {key} has {journal.count} leaves; prove the task by itself")
        await self._settlement.prove_batch(journal, proof.seal, f"{key}/proof")
        place = Slice(count=1, first=0, path=())
        await self._settlement.rescue(award, output_digest, rescuer, place, key, credit=credit)

    async def _oldest(self, last: int, now: int) -> int:
        """A block before which no report can still be rescued."""
        first = last
        while first > self._first_block:
            first = max(first - CHUNK, self._first_block)
            if await self._rpc.block_time(first) < now - ANSWER_WINDOW - RESCUE_WINDOW:
                break
        return first

    async def _is_same_chain(self, begin: int) -> bool:
        return self._end_hash is None or await self._rpc.block_hash(begin - 1) == self._end_hash

    async def _read(self, first: int, last: int) -> list[RescuableAward]:
        topics = [self._coordinator.topic("AwardReported")]
        events = await read_events(self._rpc, [self._coordinator], first, last, topics)
        # A report by a signed result shows no input, and so cannot be rescued.
        return [_rescuable(event) for event in events if not event.arguments["vouched"]]


async def read_papers(rpc: Rpc, coordinator: Contract, transaction: bytes) -> Papers | None:
    """What a reportMissed transaction handed over; None for another call, or one through a contract."""
    to, data = await rpc.calldata(transaction)
    if to != coordinator.address or len(data) > _MOST_CALLDATA:
        return None
    call = coordinator.decode_call(data)
    if call is None or call[0] != "reportMissed":
        return None
    papers, tensors = call[1]
    return Papers(
        offer=_message(Offer, papers["offer"]),
        bid=Signed(_message(Bid, papers["bid"]), papers["bidSignature"]),
        award=Signed(_message(Award, papers["award"]), papers["awardSignature"]),
        tensors=tensors,
    )


def _rescuable(event: Event) -> RescuableAward:
    said = event.arguments
    return RescuableAward(
        task_id=said["taskId"],
        requester=said["requester"],
        worker=said["worker"],
        answer_until=said["answerUntil"],
        rescue_until=said["answerUntil"] + RESCUE_WINDOW,
        transaction=event.tx_hash,
    )


def _message(of: type[M], values: Mapping[str, Any]) -> M:
    # The ABI names the fields in the order of the dataclass, which a test compares.
    return of(**dict(zip((field.name for field in fields(of)), values.values(), strict=True)))
