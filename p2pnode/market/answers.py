"""What a worker answers: the output that its guest gives, so that it signs nothing that a proof contradicts.

A signed result that is not proved, or that a proof contradicts, costs stake. ONNX Runtime comes first all the
same: it is quick to refuse an input, and says in the model's own terms what is wrong with it.

To start a run in the guest takes longer than to run most models, so tasks that wait for one share it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from p2pnode.errors import InferenceError, ProverError
from p2pnode.ports import Executor, ProofTask, Prover
from p2pnode.protocol.schema import MAX_TENSORS

_AT_ONCE: Final = 2
"""Runs at a time; each takes a core."""
_TOGETHER: Final = 16
"""Most tasks of one run: the last of them waits for all."""


@dataclass(eq=False, slots=True)
class _Asked:
    """A task that waits; `running` while a run holds it, then with an outcome."""

    model: Path
    task: ProofTask
    running: bool = False
    outcome: bytes | ProverError | None = None


class Answers:
    """Runs awarded tasks; `jobs` is the folder of the prover's job folders."""

    def __init__(self, executor: Executor, prover: Prover, jobs: Path) -> None:
        self._executor = executor
        self._prover = prover
        self._jobs = jobs
        self._limit = trio.CapacityLimiter(_AT_ONCE)
        self._waiting: list[_Asked] = []
        self._ended = trio.lowlevel.ParkingLot()

    async def output(self, model: Path, task: ProofTask) -> bytes:
        """Encoded outputs of one task, as a proof would have them.

        Raises InferenceError for an input that cannot be run, or not in the guest.
        """
        await self._executor.run(model, task.tensors)
        asked = _Asked(model, task)
        self._waiting.append(asked)
        try:
            output = await self._outcome(asked)
        finally:
            self._waiting.remove(asked)
        if isinstance(output, ProverError):
            raise InferenceError(f"the guest cannot run it: {output}") from output
        return _sendable(output)

    async def call(self, model: Path, task: ProofTask) -> bytes:
        """The same for one call of a session: by ONNX Runtime alone where it gives what the guest would."""
        if not await self._executor.is_exact(model):
            return await self.output(model, task)
        return _sendable(await self._executor.run(model, task.tensors))

    async def _outcome(self, asked: _Asked) -> bytes | ProverError:
        """Whoever gets a place runs all that wait for its model; if it is cancelled, another one does."""
        while asked.outcome is None:
            if asked.running:
                await self._ended.park()
                continue
            async with self._limit:
                if not asked.running and asked.outcome is None:
                    await self._run(asked)
        return asked.outcome

    async def _run(self, asked: _Asked) -> None:
        others = [
            one
            for one in self._waiting
            if one is not asked and one.model == asked.model and not one.running and one.outcome is None
        ]
        batch = [asked, *others[: _TOGETHER - 1]]
        for one in batch:
            one.running = True
        try:
            if not await self._together(batch) and len(batch) > 1:
                # One task that the guest refuses takes the whole run with it.
                for one in batch:
                    await self._together([one])
        finally:
            for one in batch:
                one.running = False
            self._ended.unpark_all()

    async def _together(self, batch: list[_Asked]) -> bool:
        """Whether the guest ran them; a task alone has the refusal as its outcome."""
        first = batch[0]
        job = self._jobs / f"answer-{first.task.task_id.hex()}"
        try:
            outputs = await self._prover.execute(first.model, [one.task for one in batch], job)
        except ProverError as error:
            if len(batch) == 1:
                first.outcome = error
            return False
        for one, output in zip(batch, outputs, strict=True):
            one.outcome = output
        return True


def _sendable(output: bytes) -> bytes:
    if len(output) > MAX_TENSORS:
        raise InferenceError(f"the output has {len(output)} bytes; at most {MAX_TENSORS} can be sent")
    return output
