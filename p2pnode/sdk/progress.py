"""A line that shows where an inference stands, in a terminal or in a notebook's cell."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

Progress = Callable[[str, Mapping[str, Any]], None]
"""Told of each event of the task."""

_STEPS: Final[Mapping[str, tuple[int, str]]] = {
    "offer.published": (1, "offered to the network"),
    "bid.received": (2, "a worker bid"),
    "award.sent": (3, "awarded"),
    "answer.received": (4, "answered"),
    "task.progress": (5, "being proved"),
    "receipt.stored": (6, "proved and paid"),
}
"""Events that move the bar, in their order."""


@contextmanager
def show_progress(wanted: bool | None, model: str) -> Iterator[Progress]:
    """A function that takes the task's events and shows them, as long as the context lasts."""
    console = Console(stderr=True)
    if wanted is False or (wanted is None and not (console.is_terminal or _in_notebook())):
        yield lambda name, fields: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=not _in_notebook()) as bar:
        task = bar.add_task(model, total=max(step for step, _ in _STEPS.values()))

        def show(name: str, fields: Mapping[str, Any]) -> None:
            if name in _STEPS:
                step, words = _STEPS[name]
                more = str(fields.get("progress") or "")
                bar.update(task, completed=step, description=f"{model}: {more or words}")
            elif name in ("task.failover", "task.failed"):
                bar.update(task, description=f"{model}: {fields.get('reason', name)}"[:100])

        yield show


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
