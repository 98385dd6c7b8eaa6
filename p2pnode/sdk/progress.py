"""A line that shows where an inference stands, in a terminal or in a notebook's cell."""

import html
import importlib
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


_LAST: Final = max(step for step, _ in _STEPS.values())


@contextmanager
def show_progress(wanted: bool | None, model: str) -> Iterator[Progress]:
    """A function that takes the task's events and shows them, as long as the context lasts."""
    if wanted is not False and "ipykernel" in sys.modules:
        yield _follow(_Cell(), model)
        return
    console = Console(stderr=True)
    if wanted is False or (wanted is None and not console.is_terminal):
        yield lambda name, fields: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=console.is_terminal) as bar:
        task = bar.add_task(model, total=_LAST)

        def show(step: int | None, words: str) -> None:
            bar.update(task, completed=step, description=words)

        yield _follow(show, model)


def _follow(show: Callable[[int | None, str], None], model: str) -> Progress:
    """Calls `show` with the step that an event leads to, None if none, and words for it."""

    def take(name: str, fields: Mapping[str, Any]) -> None:
        if name in _STEPS:
            step, words = _STEPS[name]
            show(step, f"{model}: {fields.get('progress') or words}")
        elif name in ("task.failover", "task.failed"):
            show(None, f"{model}: {fields.get('reason', name)}"[:100])

    return take


class _Cell:
    """A bar in the output of a notebook's cell. Rich's needs ipywidgets there, this one only IPython."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._step = 0

    def __call__(self, step: int | None, words: str) -> None:
        self._step = self._step if step is None else step
        bar = f'<progress max="{_LAST}" value="{self._step}"></progress> {html.escape(words)}'
        bundle = {"text/plain": f"{self._step} of {_LAST}  {words}", "text/html": bar}
        if self._handle is None:
            display: Any = importlib.import_module("IPython.display").display
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
