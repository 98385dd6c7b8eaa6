"""The market's side of the demo: what each task has met so far, from the events of `p2pnode submit`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from p2pnode.cli.output import joy
from p2pnode.demo.names import Names


@dataclass(slots=True)
class TaskView:
    """One task; times are seconds since its submission, `prices` are asked by worker."""

    image: str
    digit: int
    offered: float | None = None
    awarded: float | None = None
    winner: str = ""
    price: int = 0
    answer_seconds: float | None = None
    predicted: int | None = None
    prices: dict[str, int] = field(default_factory=dict)
    declines: dict[str, str] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return self.predicted == self.digit


class Auction:
    """Sixteen tasks from offer to answer. `event` returns what is worth a line on the terminal."""

    def __init__(self, images: Sequence[tuple[str, int]], names: Names) -> None:
        self.tasks = [TaskView(name, digit) for name, digit in images]
        self._names = names
        self._told: set[str] = set()

    def event(self, event: Mapping[str, Any]) -> list[str]:
        """Take one line of `p2pnode submit --json`."""
        task, seconds = self.tasks[event["task"]], float(event["seconds"])
        match event["event"]:
            case "offer.published":
                task.offered = seconds if task.offered is None else task.offered
                return self._once("offers", all(one.offered is not None for one in self.tasks))
            case "bid.received":
                task.prices[self._names.account(event["worker"])] = int(event["price"])
            case "decline.received":
                task.declines[self._names.peer(event["peer"])] = str(event["code"])
            case "award.sent":
                task.awarded, task.winner = seconds, self._names.account(event["worker"])
                task.price = int(event["price"])
                lines = self._once("bids", True)
                return lines + self._once("awards", all(one.awarded is not None for one in self.tasks))
            case "answer.received":
                task.answer_seconds = float(event["seconds"])
            case "task.failover":
                worker = self._names.account(event["worker"])
                return [f"{task.image}: {worker} did not answer ({event['reason']}); the next bid is awarded"]
        return []

    def answered(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Take the result of the submission: the predicted digits."""
        for task, report in zip(self.tasks, reports, strict=True):
            digit = report["outputs"].get("digit")
            task.predicted = int(digit[0]) if digit else None

    def _once(self, what: str, ready: bool) -> list[str]:
        if not ready or what in self._told:
            return []
        self._told.add(what)
        return {"offers": self._offers, "bids": self._bids, "awards": self._awards}[what]()

    def _offers(self) -> list[str]:
        return [f"{len(self.tasks)} signed offers gossiped"]

    def _bids(self) -> list[str]:
        bids = Counter((worker, price) for task in self.tasks for worker, price in task.prices.items())
        declines = Counter((peer, code) for task in self.tasks for peer, code in task.declines.items())
        asked = [f"{worker} {joy(price)} for {count}" for (worker, price), count in sorted(bids.items())]
        refused = [f"{worker} {count} ({code})" for (worker, code), count in sorted(declines.items())]
        lines = [f"signed bids: {', '.join(asked)}"]
        return [*lines, f"declined: {', '.join(refused)}"] if refused else lines

    def _awards(self) -> list[str]:
        winners = Counter((task.winner, task.price) for task in self.tasks)
        found = [f"{count} to {worker} at {joy(price)}" for (worker, price), count in winners.items()]
        why = "; it has room for all, so one proof will do" if len(winners) == 1 else ""
        return [f"awarded: {', '.join(found)}{why}"]

    def table(self) -> Table:
        """All tasks as they stand."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("image", "bids", "award", "answer", "predicted", "really"):
            table.add_column(name, justify="right" if name in ("answer", "predicted", "really") else "left")
        for task in self.tasks:
            table.add_row(*self._row(task))
        return table

    def _row(self, task: TaskView) -> list[Text]:
        bids = Text()
        for worker, price in sorted(task.prices.items(), key=lambda bid: bid[1]):
            style = "bold" if worker == task.winner else "dim"
            bids.append(f"{worker} {joy(price).removesuffix(' JOY')}  ", style)
        answer = f"{task.answer_seconds * 1000:.0f} ms" if task.answer_seconds is not None else ""
        predicted = Text("")
        if task.predicted is not None:
            mark, style = ("✓", "green") if task.right else ("✗", "red")
            predicted = Text(f"{task.predicted} {mark}", style)
        award = Text(f"→ {task.winner}" if task.winner else "", "cyan")
        return [Text(task.image, "dim"), bids, award, Text(answer), predicted, Text(str(task.digit))]
