"""What the demo shows: lines with their time, and on a terminal one live part below them."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio
from rich.console import Console, ConsoleRenderable, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

WIDTH = 100
_INDENT = 11
_TICK_SECONDS = 0.125
_QUIET_SECONDS = 15.0
"""Between two lines on the same thing where there is no terminal to redraw."""


class Screen:
    """Prints to `console`, and keeps the lasting part for a picture."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._picture = Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=True)
        self._start = time.monotonic()
        self._live: Live | None = None
        self._below: RenderableType | None = None
        self._doing = "starting"
        self._said = 0.0

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._start

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have a live part until the context ends; it is gone then."""
        if not self._console.is_terminal:
            yield
            return
        # Refreshed by `tick` and not by a thread of Rich's, which may redraw in the middle of a print.
        live = Live(get_renderable=self._lower, console=self._console, auto_refresh=False, transient=True)
        with live:
            self._live = live
            try:
                yield
            finally:
                self._below, self._live = None, None

    async def tick(self) -> None:
        """Keep the live part moving until cancelled."""
        while True:
            if self._live is not None:
                self._live.refresh()
            await trio.sleep(_TICK_SECONDS)

    def title(self, text: str) -> None:
        """A part of the story begins."""
        self.show(Text(f"\n{text}", "bold"))

    def say(self, text: str, style: str = "") -> None:
        """One line with its time."""
        moment = f"{self.seconds:7.1f} s  "
        line = Table.grid()
        line.add_column(width=_INDENT)
        line.add_column()
        line.add_row(Text(moment, "dim"), Text(text, style))
        self._picture.print(line, highlight=False)
        # A log keeps its lines whole.
        whole = Text(moment.ljust(_INDENT) + text)
        shown: RenderableType = line if self._console.is_terminal else whole
        self._console.print(shown, highlight=False, soft_wrap=shown is whole)

    def detail(self, text: str) -> None:
        """More on the last line, in as many lines as it takes."""
        self.show(Padding(Text(text, "dim"), (0, 0, 0, _INDENT)))

    def show(self, item: RenderableType) -> None:
        """Something that stays."""
        self._console.print(item, highlight=False)
        self._picture.print(item, highlight=False)

    def doing(self, text: str, below: RenderableType | None = None) -> None:
        """What is being waited for; on a terminal with `below` redrawn under the lines."""
        self._doing, self._below = text, below

    def often(self, text: str) -> None:
        """What changes often: the live line on a terminal, else a line now and then."""
        self._doing = text
        if not self._console.is_terminal and self.seconds - self._said >= _QUIET_SECONDS:
            self._said = self.seconds
            self._console.print(f"{self.seconds:7.1f} s  {text}", highlight=False, soft_wrap=True)

    def save_picture(self, path: Path) -> None:
        """An SVG of all that stayed."""
        drawn = self._picture.export_svg(title="p2pnode demo")
        # A reader's own monospace font will do: a picture must not fetch one from the network.
        path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))

    def _lower(self) -> ConsoleRenderable:
        waiting = Spinner("dots", Text(f"{self.seconds:5.1f} s  {self._doing}", "cyan"))
        return Group(waiting) if self._below is None else Group(self._below, waiting)
