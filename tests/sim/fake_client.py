"""The chain as one account of a simulated market sees it."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import trio

from p2pnode import identity
from p2pnode.chain.contract import Contract
from p2pnode.chain.reports import Reports
from p2pnode.chain.rescues import Rescues
from p2pnode.chain.rpc import Rpc
from p2pnode.chain.sender import Sender
from p2pnode.chain.sessions import Sessions
from p2pnode.chain.settlement import Settlement
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.ports import (
    LastAnswer,
    ModelListing,
    NodeRecord,
    Papers,
    Proof,
    ReportedAward,
    RescuableAward,
    Rescued,
    SettlementOutcome,
    TxLog,
)
from p2pnode.protocol.eip712 import digest
from p2pnode.protocol.messages import Award, Result, SessionAward, Signed, Voucher
from tests.sim.fake_chain import CONTRACT, DAY, TOKEN
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_ethereum import FakeEthereum
from tests.sim.fake_rescues import PENALTY


class FakeRpc(Rpc):
    """The chain adapter's Rpc for one node, on a FakeEthereum that may be cut off."""

    def __init__(self, ethereum: FakeEthereum) -> None:
        self._ethereum = ethereum

    async def request(self, method: str, *params: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if self._ethereum.world.down:
            raise ChainError("the chain cannot be reached")
        answer = self._ethereum.answer(method, list(params))
        # The answer takes a moment: a kill can come between what the chain did and what the node hears.
        await trio.sleep(0.01)
        return answer

    async def agreed(self, essence: Callable[[Any], Hashable], method: str, *params: Any) -> Any:
        return await self.request(method, *params)


class FakeChain:
    """One account's view: reads come from the state, settlements and reports go out as transactions."""

    settlement_address = CONTRACT
    token_address = TOKEN

    def __init__(self, ethereum: FakeEthereum, key: bytes, ledger: TxLog) -> None:
        self.ethereum = ethereum
        self._world = ethereum.world
        rpc, account = FakeRpc(ethereum), identity.Account(key)
        self.account = account.address
        self.sender = Sender(rpc, self.chain_id, account, ledger, ChainConfig())
        # All contracts are at one address: the node tells calls apart by what is asked.
        names = ("ProofOfInference", "StarkVerifier", "NodeCoordinator")
        proof, verifier, coordinator = (Contract(rpc, name, CONTRACT) for name in names)
        self._settlement = Settlement(rpc, proof, verifier, self.sender)
        self._sessions = Sessions(proof, self.sender)
        self._reports = Reports(rpc, coordinator, proof, self.sender, 0)
        self._rescues = Rescues(rpc, coordinator, verifier, self._settlement, 0)

    @property
    def chain_id(self) -> int:
        return self._world.chain_id

    async def listing(self, model_digest: bytes) -> ModelListing | None:
        await self._reach()
        return self._world.listings.get(model_digest)

    async def node(self, account: bytes) -> NodeRecord | None:
        await self._reach()
        return self._world.nodes.get(account)

    async def free_escrow(self, requester: bytes) -> int:
        await self._reach()
        return self._world.escrow.get(requester, 0)

    async def bond(self, requester: bytes) -> int:
        await self._reach()
        return self._world.bonds.get(requester, 0)

    async def reported_awards(self) -> Sequence[ReportedAward]:
        await self._reach()
        return [
            ReportedAward(task_id, report.answer_until, report.papers)
            for task_id, report in self._world.reports.items()
            if report.open
            and report.award.message.worker == self.account
            and FakeClock().now() <= report.answer_until
        ]

    async def report_unproved(self, award: Signed[Award], result: Signed[Result], key: str) -> int:
        await self._reach()
        task_id = result.message.task_id
        report = self._world.reports.get(task_id)
        if report is None or (report.open and not report.vouched):
            await self._reports.unproved(award, result, key)
        return self._world.reports[task_id].answer_until + DAY + 1

    async def report_missed(self, papers: Papers, key: str) -> int:
        await self._reach()
        task_id = digest(self._world.domain, papers.award.message)
        if task_id not in self._world.reports:
            await self._reports.missed(papers.offer, papers.bid, papers.award, papers.tensors, key)
        return self._world.reports[task_id].answer_until + DAY + 1

    async def close_report(self, award: Award, key: str) -> None:
        await self._reach()
        if self._world.reports[digest(self._world.domain, award)].open:
            await self._reports.close(award, key)

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool:
        await self._reach()
        return (requester, nonce) in self._world.nonces

    async def find_settlement(self, task_id: bytes, since: int) -> bytes | None:
        await self._reach()
        return await self._settlement.find(task_id, since)

    async def gas_price(self) -> int:
        await self._reach()
        return 10**9

    async def settle_batch(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        seal: bytes,
        key: str,
        *,
        credit: bool = False,
    ) -> SettlementOutcome:
        return await self._settlement.settle_batch(awards, output_digests, seal, key, credit=credit)

    async def paid_calls(self, session_hash: bytes) -> int:
        await self._reach()
        return self._world.paid_calls.get(session_hash, 0)

    async def settle_session(
        self,
        award: SessionAward,
        voucher: Signed[Voucher],
        answer: LastAnswer | None,
        key: str,
        *,
        credit: bool = False,
    ) -> bytes:
        return (await self._sessions.settle(award, voucher, answer, key, credit=credit)).tx_hash

    async def rescuable_awards(self) -> Sequence[RescuableAward]:
        await self._reach()
        return [
            RescuableAward(
                task_id,
                report.award.message.requester,
                report.award.message.worker,
                report.answer_until,
                report.answer_until + DAY,
                task_id,
            )
            for task_id, report in self._world.reports.items()
            if report.papers is not None
            and report.answer_until < FakeClock().now() <= report.answer_until + DAY
        ]

    async def report_papers(self, award: RescuableAward) -> Papers | None:
        await self._reach()
        return self._world.reports[award.transaction].papers

    async def is_report_open(self, task_id: bytes) -> bool:
        await self._reach()
        return task_id in self._world.reports and self._world.reports[task_id].open

    async def rescue_reward(self, award: RescuableAward) -> int:
        await self._reach()
        return PENALTY // 4

    async def rescue(
        self, award: Award, output_digest: bytes, proof: Proof, key: str, *, credit: bool
    ) -> None:
        await self._rescues.settle(award, output_digest, self.account, proof, key, credit=credit)

    async def find_rescue(self, task_id: bytes, since: int) -> Rescued | None:
        await self._reach()
        return await self._settlement.find_rescue(task_id, since)

    async def _reach(self) -> None:
        await trio.sleep(self.ethereum.read_seconds)
        self.ethereum.make_blocks()
        if self._world.down:
            raise ChainError("the chain cannot be reached")
