"""What a batch takes in the guest, counted by running it there without a proof."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2pnode.errors import ProverError
from p2pnode.proving.locate import BYTES_PER_CYCLE
from p2pnode.proving.rates import Rates

WRAP_BYTES = 2_550_000_000
"""Memory of the wrap, measured; its size is fixed, and lifts and joins take less."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A run of the guest.

    `user_cycles` are its instructions, `paging_cycles` what it takes to load and store the memory that they
    touch; `total_cycles` is what is proved, each segment filled up to a power of two. `segment_po2` is the
    largest segment allowed, as such a power.
    """

    outputs: tuple[bytes, ...]
    tasks: int
    user_cycles: int
    paging_cycles: int
    total_cycles: int
    segments: int
    segment_po2: int

    @property
    def memory(self) -> int:
        """Bytes that proving it takes, at the most."""
        largest = self.total_cycles if self.segments == 1 else 1 << self.segment_po2
        return max(BYTES_PER_CYCLE * largest, WRAP_BYTES)

    def proving_seconds(self, rates: Rates) -> float:
        """How long the whole proof takes at these rates: segments; lifts and joins if several; the wrap."""
        recursion = 0.0
        if self.segments > 1:
            recursion = self.segments * rates.lift_seconds + (self.segments - 1) * rates.join_seconds
        return self.total_cycles / rates.cycles_per_second + recursion + rates.wrap_seconds


def read_execution(stats: Mapping[str, Any], outputs: tuple[bytes, ...], po2: int) -> Execution:
    """The counts that the prover wrote. Raises ProverError if one is missing."""
    counts = {}
    for name in ("tasks", "user_cycles", "paging_cycles", "total_cycles", "segments"):
        found = stats.get(name)
        if type(found) is not int:
            raise ProverError(f"prover counted {name} as {found!r:.100}; run `p2pnode prover build`")
        counts[name] = found
    return Execution(outputs=outputs, segment_po2=po2, **counts)
