"""Lines of the prover: one JSON object each, progress, the result or the error."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from p2pnode.errors import ProverError
from p2pnode.ports import Progress

MAX_LINE = 1024 * 1024

_OWN_FIELDS = {"event", "step", "index", "total", "seconds", "remaining"}

RECURSION_SECONDS = 8.0
"""A lift or a join on two cores; its size is fixed. What was measured in the job replaces it."""
WRAP_SECONDS = 7.0


@dataclass(frozen=True, slots=True)
class Done:
    """The result of the subcommand."""

    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the prover gave up."""

    message: str


def parse_line(line: bytes) -> Progress | Done | Failure:
    """One line of the prover. Raises ProverError for anything else than its JSON."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        match found.get("event"):
            case "progress":
                return _progress(found)
            case "done":
                return Done({name: value for name, value in found.items() if name != "event"})
            case "error":
                return Failure(str(found.get("message", "no reason given"))[:2000])
    raise ProverError(f"prover printed {line[:200]!r}, which is no event; run `p2pnode prover build`")


def _progress(found: dict[str, Any]) -> Progress:
    step, index, total = found.get("step"), found.get("index"), found.get("total")
    seconds = _time(found.get("seconds"))
    if not isinstance(step, str) or type(index) is not int or type(total) is not int or seconds is None:
        raise ProverError(f"prover printed {found!r:.200}, which is no progress; run `p2pnode prover build`")
    detail = {
        name: value
        for name, value in found.items()
        if name not in _OWN_FIELDS and isinstance(value, int | float | str)
    }
    return Progress(step, index, total, seconds, _time(found.get("remaining")), detail)


def _time(value: object) -> float | None:
    """Seconds; None for what is none."""
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


@dataclass
class Estimate:
    """Turns what the prover says of one step into the seconds that are left of the whole job.

    The prover tells how long the running step may take; the number of segments, known after execution,
    tells which steps follow. Steps of a kind that was measured count as long as the last of them took.
    """

    segments: int = 1
    took: dict[str, float] = field(
        default_factory=lambda: {"lift": RECURSION_SECONDS, "join": RECURSION_SECONDS, "wrap": WRAP_SECONDS}
    )

    def whole(self, progress: Progress) -> Progress:
        """The same with `remaining` of the job, and the step's own as detail `step_remaining`."""
        if progress.step == "execute":
            found = progress.detail.get("segments")
            self.segments = found if isinstance(found, int) else self.segments
            return replace(progress, remaining=None)
        if progress.remaining is None:
            return progress
        self.took[progress.step] = progress.seconds + progress.remaining
        detail = {**progress.detail, "step_remaining": progress.remaining}
        remaining = progress.remaining + sum(self.took.get(step, 0.0) for step in self._after(progress))
        return replace(progress, remaining=round(remaining, 1), detail=detail)

    def _after(self, progress: Progress) -> list[str]:
        """Steps that follow: each segment; when there are several each lift, joined to those before; wrap."""
        steps = ["segment"] * self.segments
        if self.segments > 1:
            steps += ["lift"] + ["lift", "join"] * (self.segments - 1)
        steps.append("wrap")
        seen = 0
        for position, step in enumerate(steps):
            seen += step == progress.step
            if step == progress.step and seen == progress.index:
                return steps[position + 1 :]
        return []
