"""The proof's side of the demo: progress and settlement, from the workers' logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.table import Column

BATCH_EVENTS = frozenset(
    {"proof.started", "proof.progress", "proof.done", "settlement.sent", "settlement.confirmed"}
)
FATAL_EVENTS = frozenset(
    {"proof.failed", "settlement.failed", "task.missed", "task.ended", "receipt.refused"}
)
"""What a worker or the requester would survive by trying again, but a demo must not show as well."""


@dataclass(slots=True)
class BatchView:
    """One batch of one worker, from proof to payment. `steps` are seconds by name, such as `segment 1`."""

    worker: str
    count: int = 0
    step: str = ""
    steps: dict[str, float] = field(default_factory=dict)
    done_share: float = 0.0
    remaining: float | None = None
    late: bool = False
    seconds: float | None = None
    seal_bytes: int = 0
    transaction: str = ""
    gas: int = 0
    block: int = 0
    settled: int = 0

    def progress(self, fields: Mapping[str, Any]) -> bool:
        """Take a `proof.progress`; whether another step began."""
        name, total = str(fields["step"]), int(fields["total"])
        label = name if total == 1 else f"{name} {fields['index']} of {total}"
        began = label not in self.steps
        self.step = label
        self.steps[label] = float(fields["seconds"])
        # Nothing left of a step that still runs: the machine is slower than the estimate takes it for.
        self.late = fields.get("detail_step_remaining") == 0
        if fields["remaining"] is not None:
            self.remaining = float(fields["remaining"])
            spent = sum(self.steps.values())
            # Estimates get longer on a busy machine; a bar that steps back says nothing.
            self.done_share = max(self.done_share, spent / max(spent + self.remaining, 1e-9))
        return began

    def left(self) -> str:
        """The time left, for people."""
        if self.late:
            return "longer than estimated"
        return "" if self.remaining is None else f"about {self.remaining:.0f} s left"


class ProofBars:
    """A bar for each batch that is being proved."""

    def __init__(self) -> None:
        self.bars = self._new()
        self._ids: dict[str, TaskID] = {}

    @staticmethod
    def _new() -> Progress:
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", table_column=Column(min_width=34)),
            BarColumn(bar_width=36),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}"),
        ]
        return Progress(*columns)

    def pop(self, key: str) -> Progress:
        """Take a batch's bar out of the live ones, full."""
        alone, own = self._new(), self._ids.pop(key, None)
        if own is not None:
            description = self.bars.tasks[self.bars.task_ids.index(own)].description
            alone.add_task(description, total=1, completed=1, left="done")
            self.bars.remove_task(own)
        return alone

    def draw(self, key: str, batch: BatchView) -> None:
        """Bring the bar of a batch up to date."""
        if key not in self._ids:
            self._ids[key] = self.bars.add_task("", total=1.0, left="")
        self.bars.update(
            self._ids[key],
            completed=batch.done_share,
            description=f"{batch.worker} proves {batch.count} tasks: {batch.step}",
            left=batch.left(),
        )
