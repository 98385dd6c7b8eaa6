"""How fast this worker answers and proves a model: measured before its first bid, corrected by each proof."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import trio

from p2pnode.errors import InferenceError, ProverError
from p2pnode.market.answers import Answers
from p2pnode.market.refusal import Refusal
from p2pnode.market.schedule import Pace
from p2pnode.ports import Executor, ProofTask, Prover
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.messages import DeclineCode

_WEIGHT = 0.5
"""How much the newest proof counts against what was known before."""


class Paces:
    """Paces of the models that were measured; `jobs` is where the prover may run its counts."""

    def __init__(
        self, executor: Executor, answers: Answers, prover: Prover, jobs: Path, batch_size: int
    ) -> None:
        self._executor = executor
        self._answers = answers
        self._prover = prover
        self._jobs = jobs
        self._batch_size = batch_size
        self._known: dict[bytes, Pace] = {}
        self._measuring = trio.Lock()

    @property
    def known(self) -> Mapping[bytes, Pace]:
        """By the model's digest."""
        return MappingProxyType(self._known)

    async def measure(self, digest: bytes, model: Path) -> Pace:
        """The pace of a model, from a run and a count in the guest if it is new.

        Raises Refusal with MODEL_UNSUPPORTED where the guest cannot run it.
        """
        async with self._measuring:
            if digest not in self._known:
                try:
                    self._known[digest] = await self._measured(model)
                except (InferenceError, ProverError) as error:
                    reason = f"model {to_cid(digest)} cannot be proved here: {error}"
                    raise Refusal(DeclineCode.MODEL_UNSUPPORTED, reason) from error
            return self._known[digest]

    def proved(self, digest: bytes, tasks: int, seconds: float) -> None:
        """Learn from a finished proof."""
        pace = self._known.get(digest)
        if pace is not None and seconds > 0:
            scale = 1 + _WEIGHT * (seconds / pace.proof(tasks) - 1)
            self._known[digest] = replace(pace, fixed=pace.fixed * scale, each=pace.each * scale)

    async def _measured(self, model: Path) -> Pace:
        tensors = await self._executor.sample(model)
        made = [
            ProofTask(hashlib.sha256(b"%d" % index).digest(), tensors) for index in range(self._batch_size)
        ]
        started = trio.current_time()
        await self._answers.output(model, made[0])
        answer = trio.current_time() - started
        seconds: dict[int, float] = {}
        failures: list[ProverError] = []

        async def count(tasks: int) -> None:
            job = self._jobs / f"measure-{model.name}-{tasks}"
            try:
                seconds[tasks] = await self._prover.estimate(model, made[:tasks], job)
            except ProverError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for tasks in {1, self._batch_size}:
                nursery.start_soon(count, tasks)
        if failures:
            raise failures[0]
        one, full = seconds[1], seconds[self._batch_size]
        each = (full - one) / (self._batch_size - 1) if full > one else 0.0
        return Pace(answer, max(one - each, 0.0), each)
