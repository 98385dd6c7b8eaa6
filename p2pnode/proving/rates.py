"""How fast this machine proves: what the last proof took, kept for estimates.

One small file in the user's cache folder, by the prover's path, or by the URL of a cluster: another prover
has other rates. Losing it costs nothing but the accuracy of the next estimate.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from p2pnode.ports import Progress
from p2pnode.proving.progress import RECURSION_SECONDS, WRAP_SECONDS

CYCLES_PER_SECOND = 12_000.0
"""A segment on two cores without a GPU; benchmarks/proof.py measures it."""
_MAX_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Rates:
    """Cycles a second of proving segments, seconds of the steps of fixed size.

    `measured_at` is when (seconds since the epoch), or 0 for the defaults, of two cores.
    """

    cycles_per_second: float = CYCLES_PER_SECOND
    lift_seconds: float = RECURSION_SECONDS
    join_seconds: float = RECURSION_SECONDS
    wrap_seconds: float = WRAP_SECONDS
    measured_at: int = 0


@dataclass
class Meter:
    """Collects what each step of a proof took from the prover's progress."""

    _segments: dict[int, tuple[int, float]] = field(default_factory=dict)
    _steps: dict[tuple[str, int], float] = field(default_factory=dict)

    def note(self, progress: Progress) -> None:
        """Take in one line; a step's last line, which alone has a segment's size, counts."""
        po2 = progress.detail.get("po2")
        if progress.step == "segment" and isinstance(po2, int):
            self._segments[progress.index] = (1 << po2, progress.seconds)
        elif progress.step in ("lift", "join", "wrap"):
            self._steps[progress.step, progress.index] = progress.seconds

    def rates(self, before: Rates) -> Rates:
        """What was measured, and `before` for steps that this proof did not take."""
        cycles = sum(size for size, _ in self._segments.values())
        seconds = sum(took for _, took in self._segments.values())
        if not cycles or seconds <= 0:
            return before
        means = {"lift": before.lift_seconds, "join": before.join_seconds, "wrap": before.wrap_seconds}
        for name in means:
            took = [value for (step, _), value in self._steps.items() if step == name]
            means[name] = sum(took) / len(took) if took else means[name]
        return Rates(cycles / seconds, means["lift"], means["join"], means["wrap"], int(time.time()))


def rates_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where rates are kept."""
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "p2pnode" / "rates.json"


def load_rates(prover: Path | str, file: Path | None = None) -> Rates:
    """The rates of a prover, a binary here or a cluster's URL; the defaults if none were measured."""
    found = _read(file or rates_file()).get(str(prover))
    try:
        rates = Rates(**found) if isinstance(found, dict) else Rates()
        values = [getattr(rates, item.name) for item in fields(Rates)]
        usable = all(type(value) in (int, float) and 0 <= value < 1e12 for value in values)
        return rates if usable and rates.cycles_per_second > 0 else Rates()
    except TypeError:
        return Rates()


def save_rates(prover: Path | str, rates: Rates, file: Path | None = None) -> None:
    """Keep rates for later estimates; a cache that cannot be written is no reason to fail a proof."""
    file = file or rates_file()
    known = {**_read(file), str(prover): asdict(rates)}
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(known, indent=2) + "\n")
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(_MAX_FILE))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
