"""What a demo came to: numbers for the last table and for `--json`."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from p2pnode.cli.output import joy
from p2pnode.demo.auction import TaskView
from p2pnode.demo.private import Sight
from p2pnode.demo.proof import BatchView
from p2pnode.demo.receipts import Verdict


@dataclass(frozen=True, slots=True)
class Payment:
    """JOY of one account and its escrow, before and after, in the smallest unit."""

    name: str
    role: str
    before: int
    after: int

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. Without a proof `batches`, `payments` and `verdicts` are empty."""

    folder: str
    model: str
    seconds: float
    tasks: Sequence[TaskView]
    batches: Sequence[BatchView] = ()
    payments: Sequence[Payment] = ()
    verdicts: Sequence[Verdict] = ()
    private: Sequence[Sight] = ()

    @property
    def waits(self) -> list[float]:
        """Seconds from each offer to its award."""
        return [t.awarded - t.offered for t in self.tasks if t.awarded is not None and t.offered is not None]

    @property
    def answers(self) -> list[float]:
        """Seconds from each award to its answer."""
        return [task.answer_seconds for task in self.tasks if task.answer_seconds is not None]

    def to_json(self) -> Mapping[str, Any]:
        """For --json; amounts are decimal text of the smallest unit, times seconds."""
        gas = sum(batch.gas for batch in self.batches)
        settled = sum(batch.settled for batch in self.batches)
        return {
            "folder": self.folder,
            "model": self.model,
            "seconds": round(self.seconds, 1),
            "tasks": len(self.tasks),
            "right": sum(task.right for task in self.tasks),
            "settled": settled,
            "offer_to_award": _spread(self.waits),
            "award_to_answer": _spread(self.answers),
            "batches": [
                {
                    "worker": batch.worker,
                    "tasks": batch.count,
                    "settled": batch.settled,
                    "prove_seconds": batch.seconds,
                    "steps": batch.steps,
                    "seal_bytes": batch.seal_bytes,
                    "transaction": batch.transaction,
                    "block": batch.block,
                    "gas": batch.gas,
                }
                for batch in self.batches
            ],
            "gas": gas,
            "gas_per_task": gas // settled if settled else 0,
            "payments": [
                {
                    "name": one.name,
                    "role": one.role,
                    "before": str(one.before),
                    "after": str(one.after),
                    "change": str(one.change),
                }
                for one in self.payments
            ],
            "receipts": [
                {"file": one.file, "what": one.what, "valid": one.valid, "reason": one.reason}
                for one in self.verdicts
            ],
            "private": [{"observer": one.observer, "owner": one.owner} for one in self.private],
        }

    def table(self) -> Table:
        """For the end of the terminal's story."""
        table = Table(box=box.ROUNDED, show_header=False, title="summary", title_style="bold")
        right = sum(task.right for task in self.tasks)
        table.add_row("tasks", f"{len(self.tasks)}, {right} answered with the right digit")
        table.add_row("offer to award", _spread_line(self.waits, "s", 1))
        table.add_row("award to answer", _spread_line(self.answers, "ms", 1000))
        for batch in self.batches:
            steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in batch.steps.items())
            table.add_row("proof", f"{batch.seconds or 0:.1f} s for {batch.count} tasks ({steps})")
            table.add_row("seal", f"{batch.seal_bytes:,} bytes")
            each = batch.gas // max(batch.settled, 1)
            table.add_row("gas", f"{batch.gas:,} in one transaction, {each:,} a task")
        paid = sum(one.change for one in self.payments if one.change > 0)
        if self.payments:
            table.add_row("paid", joy(paid))
        table.add_row("time", f"{self.seconds:.0f} s in all")
        return table


def payments_table(payments: Sequence[Payment]) -> Table:
    """Who was paid what."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("who")
    table.add_column("")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    for one in payments:
        style = "green" if one.change > 0 else "red" if one.change < 0 else "dim"
        change = Text(
            f"{'+' if one.change > 0 else '-' if one.change < 0 else ''}{joy(abs(one.change))}", style
        )
        table.add_row(one.name, Text(one.role, "dim"), joy(one.before), joy(one.after), change)
    return table


def _spread(values: Sequence[float]) -> Mapping[str, float]:
    if not values:
        return {}
    return {"median": round(statistics.median(values), 3), "max": round(max(values), 3)}


def _spread_line(values: Sequence[float], unit: str, scale: float) -> str:
    if not values:
        return "none"
    places = 1 if scale == 1 else 0
    median, most = statistics.median(values) * scale, max(values) * scale
    return f"median {median:.{places}f} {unit}, at most {most:.{places}f} {unit}"
