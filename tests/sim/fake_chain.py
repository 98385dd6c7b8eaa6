"""A chain in memory: it checks signatures, nonces, escrow and the journal as ProofOfInference does."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from p2pnode.errors import ChainError
from p2pnode.ports import ModelListing, NodeRecord, Papers, ReportedAward, SettlementOutcome
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Result, Signed
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_compute import seal_of

TOKEN = b"\x70" * 20
CONTRACT = b"\xc0" * 20
DAY = 24 * 3600
"""Each of the windows for a report, an answer and a rescue."""
MODEL_OWNER = b"\x0e" * 20


@dataclass
class OpenReport:
    """A reported award; its price is set aside from the reporter's escrow while it is open."""

    award: Signed[Award]
    reporter: bytes
    answer_until: int
    papers: Papers | None
    open: bool = True

    @property
    def amount(self) -> int:
        return self.award.message.price + self.award.message.model_fee


@dataclass
class World:
    """The chain: what all nodes see, and what settleBatch did."""

    chain_id: int = 31337
    listings: dict[bytes, ModelListing] = field(default_factory=dict)
    nodes: dict[bytes, NodeRecord] = field(default_factory=dict)
    escrow: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    nonces: set[tuple[bytes, int]] = field(default_factory=set)
    sent: dict[str, SettlementOutcome] = field(default_factory=dict)
    bonds: dict[bytes, int] = field(default_factory=dict)
    reports: dict[bytes, OpenReport] = field(default_factory=dict)
    slashed: list[bytes] = field(default_factory=list)
    down: bool = False

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, CONTRACT)

    def report(self, award: Signed[Award], reporter: bytes, papers: Papers | None) -> OpenReport:
        """What reportMissed (with papers) and reportUnproved (without) do, for evidence that was checked."""
        terms, now = award.message, FakeClock().now()
        task_id = digest(self.domain, terms)
        if not terms.settle_deadline < now <= terms.settle_deadline + DAY:
            raise ChainError("the report comes too early or too late")
        if task_id in self.reports or (terms.requester, terms.nonce) in self.nonces:
            raise ChainError("AlreadyReported or NonceAlreadyUsed")
        verify(self.domain, award)
        report = OpenReport(award, reporter, now + DAY, papers)
        if self.escrow.get(reporter, 0) < report.amount:
            raise ChainError("AwardNotCovered")
        self.escrow[reporter] -= report.amount
        self.reports[task_id] = report
        return report


class FakeChain:
    """One account's view of a World."""

    settlement_address = CONTRACT
    token_address = TOKEN

    def __init__(self, world: World, account: bytes) -> None:
        self._world = world
        self.account = account

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

    async def settle_batch(
        self, awards: Sequence[Signed[Award]], output_digests: Sequence[bytes], seal: bytes, key: str
    ) -> SettlementOutcome:
        await self._reach()
        world = self._world
        if key in world.sent:
            return world.sent[key]
        ids = [digest(world.domain, signed.message) for signed in awards]
        leaves = [
            leaf(task_id, signed.message.model_digest, signed.message.input_digest, output)
            for task_id, signed, output in zip(ids, awards, output_digests, strict=True)
        ]
        if seal != seal_of(journal_of(leaves).encode()):
            raise ChainError("settleBatch reverted: VerificationFailed()")
        settled, skipped = [], {}
        for task_id, signed in zip(ids, awards, strict=True):
            reason = self._pay(signed)
            if reason:
                skipped[task_id] = reason
            else:
                settled.append(task_id)
        transaction = hashlib.sha256(key.encode()).digest()
        world.sent[key] = SettlementOutcome(transaction, 9_000_000, len(world.sent), tuple(settled), skipped)
        return world.sent[key]

    def _pay(self, signed: Signed[Award]) -> str:
        world, award = self._world, signed.message
        verify(world.domain, signed)
        cost = award.price + award.model_fee
        if (award.requester, award.nonce) in world.nonces:
            return "NonceUsed"
        if award.settle_deadline < FakeClock().now():
            report = world.reports.get(digest(world.domain, award))
            if report is None or not report.open or report.answer_until < FakeClock().now():
                return "Expired"
            report.open = False
            world.escrow[award.requester] += cost
        if world.escrow.get(award.requester, 0) < cost:
            return "InsufficientEscrow"
        world.nonces.add((award.requester, award.nonce))
        world.escrow[award.requester] -= cost
        world.balances[award.worker] += award.price
        world.balances[MODEL_OWNER] += award.model_fee
        return ""

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._world.down:
            raise ChainError("the chain cannot be reached")
