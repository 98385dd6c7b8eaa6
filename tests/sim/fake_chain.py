"""The contracts in memory: they check signatures, nonces, escrow and the journal as the real ones do."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from p2pnode.errors import ChainError, SignatureError
from p2pnode.ports import ModelListing, NodeRecord, Papers
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Result, Signed
from p2pnode.protocol.tensors import tensors_digest
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
    vouched: bool
    open: bool = True

    @property
    def amount(self) -> int:
        return self.award.message.price + self.award.message.model_fee


@dataclass
class World:
    """The chain's state: what all nodes see, and what each settleBatch in a block did."""

    chain_id: int = 31337
    listings: dict[bytes, ModelListing] = field(default_factory=dict)
    nodes: dict[bytes, NodeRecord] = field(default_factory=dict)
    escrow: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    credits: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    nonces: set[tuple[bytes, int]] = field(default_factory=set)
    sent: list[Sequence[tuple[bytes, str]]] = field(default_factory=list)
    bonds: dict[bytes, int] = field(default_factory=dict)
    reports: dict[bytes, OpenReport] = field(default_factory=dict)
    slashed: list[bytes] = field(default_factory=list)
    proved: set[bytes] = field(default_factory=set)
    """Journals that proveBatch has verified."""
    rescued: dict[bytes, bytes] = field(default_factory=dict)
    """Who rescued a task, by its ID."""
    paid_calls: dict[bytes, int] = field(default_factory=dict)
    session_settlements: list[tuple[bytes, int, bytes]] = field(default_factory=list)
    """Session hash, calls that are paid by now, and the answer that was published, or nothing."""
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
        report = OpenReport(award, reporter, now + DAY, papers, vouched=papers is None)
        if self.escrow.get(reporter, 0) < report.amount:
            raise ChainError("AwardNotCovered")
        self.escrow[reporter] -= report.amount
        self.reports[task_id] = report
        return report

    def report_unproved(self, award: Signed[Award], result: Signed[Result], reporter: bytes) -> None:
        """What reportUnproved does."""
        if result.message.task_id != digest(self.domain, award.message):
            raise ChainError("NotOfThisAward")
        try:
            verify(self.domain, result, award.message.worker)
            report = self.reports.get(result.message.task_id)
            if report is not None and report.open and not report.vouched:
                report.vouched = True
            else:
                self.report(award, reporter, None)
        except SignatureError as error:
            raise ChainError("InvalidSignature") from error

    def report_missed(self, papers: Papers, reporter: bytes) -> None:
        """What reportMissed does."""
        award = papers.award.message
        if (
            tensors_digest(papers.tensors) != award.input_digest
            or digest(self.domain, papers.offer) != papers.bid.message.offer_hash
        ):
            raise ChainError("TermsMismatch")
        try:
            verify(self.domain, papers.bid, award.worker)
            self.report(papers.award, reporter, papers)
        except SignatureError as error:
            raise ChainError("InvalidSignature") from error

    def close(self, award: Award) -> None:
        """What closeReport does."""
        report = self.reports.get(digest(self.domain, award))
        if report is None or not report.open:
            raise ChainError("NoOpenReport")
        if FakeClock().now() <= report.answer_until + DAY:
            raise ChainError("StillAnswerable")
        report.open = False
        self.escrow[report.reporter] += report.amount
        if report.vouched and (award.requester, award.nonce) not in self.nonces:
            self.slashed.append(award.worker)


def settle_batch(
    world: World, awards: Sequence[Signed[Award]], outputs: Sequence[bytes], seal: bytes, credit: bool
) -> Sequence[tuple[bytes, str]]:
    """ProofOfInference.settleBatch: the task IDs, each with why it was skipped or with nothing.

    Raises ChainError where the contract reverts.
    """
    ids = [digest(world.domain, signed.message) for signed in awards]
    leaves = [
        leaf(task_id, signed.message.model_digest, signed.message.input_digest, output)
        for task_id, signed, output in zip(ids, awards, outputs, strict=True)
    ]
    if seal != seal_of(journal_of(leaves).encode()):
        raise ChainError("settleBatch reverted: VerificationFailed()")
    results = [(task_id, _pay(world, signed, credit)) for task_id, signed in zip(ids, awards, strict=True)]
    world.sent.append(results)
    return results


def _pay(world: World, signed: Signed[Award], credit: bool) -> str:
    award = signed.message
    cost = award.price + award.model_fee
    try:
        verify(world.domain, signed)
    except SignatureError:
        return "BadSignature"
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
    paid = world.credits if credit else world.balances
    paid[award.worker] += award.price
    paid[MODEL_OWNER] += award.model_fee
    return ""
