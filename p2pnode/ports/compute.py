"""Running a model, and proving that it was run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Executor(Protocol):
    """Runs ONNX models in a thread. Raises InferenceError."""

    async def load(self, model: Path) -> None:
        """Check and load a model; the error names what is unsupported."""

    async def is_exact(self, model: Path) -> bool:
        """Whether `run` gives what the guest would, bit for bit: no value of the model is floating point."""

    async def sample(self, model: Path) -> bytes:
        """An input that `model` takes, to measure it with, canonically encoded."""

    async def run(self, model: Path, tensors: bytes) -> bytes:
        """Outputs of `model` for the canonically encoded `tensors`, canonically encoded."""


@dataclass(frozen=True, slots=True)
class ProofTask:
    """One task of a batch: its ID and its canonically encoded input tensors."""

    task_id: bytes
    tensors: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """A wrapped and natively verified proof of a batch.

    `journal` is the 40 bytes of the protocol, `seal` the Keccak seal in contract encoding without the
    verifier's selector, `outputs` the proved output tensors of each task in batch order.
    """

    image_id: bytes
    journal: bytes
    seal: bytes
    outputs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the prover: `step` of execute, segment, lift, join, wrap, verify; `index` of `total`.

    Where a cluster proves, `cluster` and at times `compress` take the place of those before `wrap`.
    """

    step: str
    index: int
    total: int
    seconds: float
    remaining: float | None = None
    detail: Mapping[str, int | float | str] = field(default_factory=dict)


class Prover(Protocol):
    """Proves batches of one model. Raises ProverError. A job resumes in its folder after a crash."""

    @property
    def image_id(self) -> bytes:
        """Image ID of the committed guest, 32 bytes."""

    async def prove(
        self, model: Path, tasks: Sequence[ProofTask], job: Path, on_progress: Callable[[Progress], None]
    ) -> Proof:
        """Execute, prove, wrap, verify; kills its subprocess when cancelled."""

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        """The outputs the guest would prove, without a proof; `job` is a scratch folder."""

    async def estimate(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> float:
        """Seconds that a proof of this batch would take on this machine, counted without a proof."""

    async def verify(self, proof_journal: bytes, seal: bytes) -> None:
        """Check a seal against the committed image ID; ProverError says what is wrong."""
