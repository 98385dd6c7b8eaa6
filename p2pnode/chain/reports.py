"""NodeCoordinator's evidence: reports of missed awards and of false results, by whoever has the papers."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.events import read_events
from p2pnode.chain.rescues import read_papers
from p2pnode.chain.rpc import Rpc, TxReceipt
from p2pnode.ports import ReportedAward
from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed


@dataclass(frozen=True, slots=True)
class Report:
    """A reported award; `answer_until` is the last second in which its worker may still settle it."""

    reporter: bytes
    answer_until: int
    vouched: bool
    open: bool


class Reports:
    """Calls for the sender's account. A report sets the award's price aside from its escrow."""

    def __init__(
        self, rpc: Rpc, coordinator: Contract, settlement: Contract, sender: Sends, first_block: int
    ) -> None:
        self._rpc = rpc
        self._coordinator = coordinator
        self._settlement = settlement
        self._sender = sender
        self._first_block = first_block

    async def find(self, task_id: bytes) -> Report | None:
        """The report of an award, or None."""
        report = await self._settlement.read("reportOf", task_id, agreed=True)
        if not report["answerUntil"]:
            return None
        return Report(report["reporter"], report["answerUntil"], report["vouched"], report["open"])

    async def against(self, worker: bytes) -> Sequence[ReportedAward]:
        """Open reports of a worker's awards that it can still answer."""
        if not (await self._coordinator.read("reportsOf", worker))["total"]:
            return []
        topics = [self._coordinator.topic("AwardReported"), None, None, "0x" + worker.hex().rjust(64, "0")]
        last = await self._rpc.block_number()
        events = await read_events(self._rpc, [self._coordinator], self._first_block, last, topics)
        now = await self._rpc.block_time()
        found = []
        for event in events:
            task_id = event.arguments["taskId"]
            report = await self.find(task_id)
            if report is not None and report.open and now <= report.answer_until:
                papers = await read_papers(self._rpc, self._coordinator, event.tx_hash)
                found.append(ReportedAward(task_id, report.answer_until, papers))
        return found

    async def missed(
        self, offer: Offer, bid: Signed[Bid], award: Signed[Award], tensors: bytes, key: str
    ) -> TxReceipt:
        """Report an award that its worker bid for and did not settle, and hand it the input once more."""
        papers = (
            astuple(offer),
            astuple(bid.message),
            bid.signature,
            astuple(award.message),
            award.signature,
        )
        return await self._send("reportMissed", key, papers, tensors)

    async def unproved(self, award: Signed[Award], result: Signed[Result], key: str) -> TxReceipt:
        """Report an award that its worker answered and did not settle."""
        return await self._send("reportUnproved", key, *_pair(award), *_pair(result))

    async def close(self, award: Award, key: str) -> TxReceipt:
        """End a report after the windows for answer and rescue."""
        return await self._send("closeReport", key, astuple(award))

    async def two_results(
        self, award: Signed[Award], first: Signed[Result], second: Signed[Result], key: str
    ) -> TxReceipt:
        """Show that a worker signed two results of one task."""
        return await self._send("reportTwoResults", key, *_pair(award), *_pair(first), *_pair(second))

    async def _send(self, function: str, key: str, *arguments: object) -> TxReceipt:
        return await self._sender.send(Call(self._coordinator, function, arguments), key)


def _pair(signed: Signed[Award] | Signed[Result]) -> tuple[object, bytes]:
    return astuple(signed.message), signed.signature
