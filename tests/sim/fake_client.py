"""The Chain port for one account of the simulation: reads and reports from the state, settlements as
transactions."""

from collections.abc import Sequence

import trio

from p2pnode import identity
from p2pnode.chain.contract import Contract
from p2pnode.chain.sender import Sender
from p2pnode.chain.settlement import Settlement
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.ports import ModelListing, NodeRecord, ReportedAward, SettlementOutcome, TxLog
from p2pnode.protocol.eip712 import digest, verify
from p2pnode.protocol.messages import Award, Result, Signed
from tests.sim.fake_chain import CONTRACT, DAY, TOKEN
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_ethereum import FakeEthereum, FakeRpc


class FakeChain:
    """One account's view: reads come from the state, settlements go out as transactions."""

    settlement_address = CONTRACT
    token_address = TOKEN

    def __init__(self, ethereum: FakeEthereum, key: bytes, ledger: TxLog) -> None:
        self.ethereum = ethereum
        self._world = ethereum.world
        rpc, account = FakeRpc(ethereum), identity.Account(key)
        self.account = account.address
        self.sender = Sender(rpc, self.chain_id, account, ledger, ChainConfig())
        # Both contracts are at one address: the node tells calls apart by what is asked.
        proof, verifier = (Contract(rpc, name, CONTRACT) for name in ("ProofOfInference", "StarkVerifier"))
        self._settlement = Settlement(rpc, proof, verifier, self.sender)

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
        world, task_id = self._world, digest(self._world.domain, award.message)
        if task_id not in world.reports:
            assert result.message.task_id == task_id
            verify(world.domain, result, award.message.worker)
            world.report(award, self.account, None)
        return world.reports[task_id].answer_until + DAY + 1

    async def close_report(self, award: Award, key: str) -> None:
        await self._reach()
        world = self._world
        report = world.reports[digest(world.domain, award)]
        if not report.open:
            return
        if FakeClock().now() <= report.answer_until + DAY:
            raise ChainError("StillAnswerable")
        report.open = False
        world.escrow[report.reporter] += report.amount
        if report.papers is None and (award.requester, award.nonce) not in world.nonces:
            world.slashed.append(award.worker)

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
        self, awards: Sequence[Signed[Award]], output_digests: Sequence[bytes], seal: bytes, key: str
    ) -> SettlementOutcome:
        return await self._settlement.settle_batch(awards, output_digests, seal, key)

    async def _reach(self) -> None:
        await trio.sleep(self.ethereum.read_seconds)
        self.ethereum.make_blocks()
        if self._world.down:
            raise ChainError("the chain cannot be reached")
