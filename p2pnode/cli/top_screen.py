"""The screen of `p2pnode top`, with Textual."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import trio
from rich.markup import escape
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import DataTable, Footer, Static

from p2pnode.cli.output import joy, printable
from p2pnode.control import ControlClient
from p2pnode.errors import P2PNodeError

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "tasks": ("task", "role", "state", "price", "age", "proof or reason"),
    "workers": ("worker", "load", "models", "seen"),
    "offers": ("model", "pays up to", "by", "age"),
    "faults": ("age", "event", "what"),
}
_WIDE = 100
"""Columns from which on the workers and offers fit beside the tasks and faults."""
_ROLES: Mapping[str, str] = {"requester": "buy", "worker": "sell"}
"""In a word that leaves room for the proof."""
_ENDED = ("unbid", "unanswered", "unsettled", "declined", "missed", "skipped", "lost")


class TopScreen(App[None]):
    """Shows an overview and fetches it again every `every` seconds."""

    TITLE = "p2pnode top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: auto; padding: 0 1; }
    .box { border: round $primary; border-title-color: $text; }
    #upper { height: 2fr; }
    #lower { height: 1fr; }
    #tasks-box { width: 2fr; }
    #workers-box, #offers-box { width: 1fr; }
    #faults-box { width: 2fr; }
    DataTable { height: 1fr; }
    .-narrow #workers-box, .-narrow #offers-box { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("tab", "app.focus_next", "Next table"),
    ]

    def __init__(self, client: ControlClient, first: Mapping[str, Any], every: float) -> None:
        super().__init__()
        self._client = client
        self._first = first
        self._every = every

    def compose(self) -> ComposeResult:
        """See Textual."""
        yield Static(id="head")
        with Horizontal(id="upper"):
            yield from self._box("tasks")
            yield from self._box("workers")
        with Horizontal(id="lower"):
            yield from self._box("faults")
            yield from self._box("offers")
        yield Footer()

    def on_mount(self) -> None:
        """See Textual."""
        for name, columns in _COLUMNS.items():
            self.query_one(f"#{name}", DataTable).add_columns(*columns)
        self.show(self._first)
        self.set_interval(self._every, self._look)

    def show(self, found: Mapping[str, Any]) -> None:
        """Fill the screen."""
        self.query_one("#head", Static).update("\n".join(head_lines(found)))
        rows: dict[str, Sequence[Sequence[str | Text]]] = {
            "tasks": task_rows(found),
            "workers": worker_rows(found),
            "offers": offer_rows(found),
            "faults": fault_rows(found),
        }
        for name, lines in rows.items():
            table = self.query_one(f"#{name}", DataTable)
            where, offset = table.cursor_coordinate, table.scroll_offset
            table.clear()
            for line in lines:
                # As Text, so that no stranger's words are taken for markup.
                table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in line))
            if table.is_valid_coordinate(where):
                table.move_cursor(row=where.row, column=where.column, scroll=False)
            table.scroll_to(offset.x, offset.y, animate=False)

    def _look(self) -> None:
        # Trio's loop runs in a thread of its own: Textual has asyncio's.
        self.run_worker(self._fetch, thread=True, exclusive=True)

    def _fetch(self) -> None:
        try:
            found = trio.run(self._client.overview)
        except P2PNodeError as error:
            self.call_from_thread(self.query_one("#head", Static).update, Text(str(error), style="bold red"))
        else:
            self.call_from_thread(self.show, found)

    def _box(self, name: str) -> Iterable[Widget]:
        with Vertical(id=f"{name}-box", classes="box") as box:
            box.border_title = name
            yield DataTable(id=name, cursor_type="row", zebra_stripes=True)


def head_lines(found: Mapping[str, Any]) -> list[str]:
    """Who this is, and how it does."""
    states = found["states"]
    counts = "   ".join(
        f"{role}: " + ", ".join(f"{count} {state}" for state, count in sorted(states[role].items()))
        for role in states
        if states[role]
    )
    totals = found["totals"]
    lines = [
        f"[b]…{found['peer_id'][-8:]}[/]  account {found['account'][:12]}… on chain {found['chain_id']}  "
        f"{' and '.join(found['roles']) or 'onlooker'}, up {_age(found['uptime'])}",
        f"peers [b]{len(found['peers'])}[/]  workers [b]{len(found['workers'])}[/]  "
        f"models [b]{len(found['models'])}[/]  "
        f"earned [b green]{joy(int(totals['worker']['amount']))}[/] in {totals['worker']['tasks']} tasks  "
        f"spent [b]{joy(int(totals['requester']['amount']))}[/] in {totals['requester']['tasks']}",
        counts or "no task yet",
    ]
    if found["paused"]:
        lines.append(f"[b red]paused: {escape(found['paused'])}[/]")
    if not found["peers"]:
        lines.append(f"[b yellow]{escape(found['joining'])}[/]")
    return lines


def task_rows(found: Mapping[str, Any]) -> list[tuple[str | Text, ...]]:
    """One line a task, the newest first."""
    now = time.time()
    return [
        (
            (task["task_id"] or task["offer"])[2:10],
            _ROLES.get(task["role"], task["role"]),
            Text(task["state"], style="red" if task["state"] in _ENDED else ""),
            joy(int(task["price"] or task["price_max"])),
            _age(now - task["changed"]),
            printable(task["reason"] or task["progress"]),
        )
        for task in found["tasks"]
    ]


def worker_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line a worker, the one with most free places first."""
    now = time.time()
    free = sorted(found["workers"], key=lambda one: one["load"] - one["capacity"])
    return [
        (
            f"…{one['peer'][-8:]}",
            f"{'█' * _eighths(one)}{'░' * (8 - _eighths(one))} {one['load']}/{one['capacity']}",
            str(one["models"]),
            _age(now - one["seen"]),
        )
        for one in free
    ]


def offer_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Offers of others."""
    now = time.time()
    names = {model["cid"]: model["name"] for model in found["models"]}
    return [
        (
            printable(names.get(offer["model"], offer["model"][-12:])),
            joy(int(offer["price_max"])),
            f"…{offer['peer'][-8:]}",
            _age(now - offer["seen"]),
        )
        for offer in found["offers"]
    ]


def fault_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What went wrong, the newest first."""
    now = time.time()
    return [
        (_age(now - fault["at"]), fault["event"], printable(fault["reason"]))
        for fault in reversed(found["faults"])
    ]


def _eighths(worker: Mapping[str, Any]) -> int:
    return min(8, round(8 * int(worker["load"]) / max(1, int(worker["capacity"]))))


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
