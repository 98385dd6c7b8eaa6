"""What a worker answers: the output that its guest gives, so that it signs nothing that a proof contradicts.

A signed result that is not proved, or that a proof contradicts, costs stake. ONNX Runtime comes first all the
same: it is quick to refuse an input, and says in the model's own terms what is wrong with it.
"""

from pathlib import Path
from typing import Final

import trio

from p2pnode.errors import InferenceError, ProverError
from p2pnode.ports import Executor, ProofTask, Prover
from p2pnode.protocol.schema import MAX_TENSORS

_AT_ONCE: Final = 2
"""Dry runs at a time; each takes a core."""


class Answers:
    """Runs awarded tasks; `jobs` is the folder of the prover's job folders."""

    def __init__(self, executor: Executor, prover: Prover, jobs: Path) -> None:
        self._executor = executor
        self._prover = prover
        self._jobs = jobs
        self._limit = trio.CapacityLimiter(_AT_ONCE)

    async def output(self, model: Path, task: ProofTask) -> bytes:
        """Encoded outputs of one task, as a proof would have them.

        Raises InferenceError for an input that cannot be run, or not in the guest.
        """
        await self._executor.run(model, task.tensors)
        job = self._jobs / f"answer-{task.task_id.hex()}"
        async with self._limit:
            try:
                [output] = await self._prover.execute(model, [task], job)
            except ProverError as error:
                raise InferenceError(f"the guest cannot run it: {error}") from error
        if len(output) > MAX_TENSORS:
            raise InferenceError(f"the output has {len(output)} bytes; at most {MAX_TENSORS} can be sent")
        return output

    async def call(self, model: Path, task: ProofTask) -> bytes:
        """The same for one call of a session: by ONNX Runtime alone where it gives what the guest would."""
        if not await self._executor.is_exact(model):
            return await self.output(model, task)
        output = await self._executor.run(model, task.tensors)
        if len(output) > MAX_TENSORS:
            raise InferenceError(f"the output has {len(output)} bytes; at most {MAX_TENSORS} can be sent")
        return output
