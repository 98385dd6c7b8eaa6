"""Holds ledgers against the chain after a market was broken: what was lost, paid twice, promised in vain."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from p2pnode.market.state import OPEN, TaskState
from p2pnode.ports import Role
from p2pnode.protocol.messages import Award
from p2pnode.protocol.receipt import check_receipt, parse_receipt
from p2pnode.store import open_store


@dataclass
class Report:
    """What was done to a market, and what came of it; all counts.

    `lost` counts payments that no worker has a receipt of, `slashable` awards that a worker holds and nobody
    was paid for, `without_receipt` paid tasks whose requester has no receipt.
    """

    kills: int = 0
    outages: int = 0
    reorganisations: int = 0
    resets: int = 0
    offers: int = 0
    awarded: int = 0
    paid: int = 0
    lost: int = 0
    paid_twice: int = 0
    slashable: int = 0
    without_receipt: int = 0

    @property
    def losses(self) -> dict[str, int]:
        """What must be zero."""
        return {name: getattr(self, name) for name in ("lost", "paid_twice", "slashable", "without_receipt")}


def judge(
    report: Report,
    requester: Path,
    workers: Iterable[Path],
    is_used: Callable[[bytes, int], bool],
    spent: int,
) -> None:
    """Fill in what came of it, from closed ledgers. `spent` is what left the requester's escrow."""
    settled: dict[tuple[bytes, int], Award] = {}
    for path in workers:
        with open_store(path) as store:
            assert store.open_batches() == []
            assert store.tasks(Role.WORKER, OPEN[Role.WORKER] - {TaskState.BID}) == []
            for task in store.tasks(Role.WORKER, TaskState):
                if task.award is None:
                    continue
                award = task.award.message
                if not is_used(award.requester, award.nonce):
                    report.slashable += 1
                if task.state == TaskState.SETTLED:
                    assert task.task_id is not None
                    check_receipt(parse_receipt(store.receipt(task.task_id) or ""))
                    settled[award.requester, award.nonce] = award
    with open_store(requester) as store:
        assert store.tasks(Role.REQUESTER, OPEN[Role.REQUESTER]) == []
        for task in store.tasks(Role.REQUESTER, TaskState):
            offer = task.offer.message
            report.offers += 1
            report.awarded += task.award is not None
            if not is_used(offer.requester, offer.nonce):
                continue
            report.paid += 1
            report.lost += (offer.requester, offer.nonce) not in settled
            assert task.task_id is not None
            if task.state != TaskState.SETTLED or store.receipt(task.task_id) is None:
                report.without_receipt += 1
    earned = sum(award.price + award.model_fee for award in settled.values())
    report.paid_twice = int(spent != earned)
