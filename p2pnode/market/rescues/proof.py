"""Proves a rescue: what a batch of one task is, with the rescuer's name in the task ID's place."""

from functools import partial
from pathlib import Path
from typing import Final

import trio

from p2pnode.errors import ChainError, InferenceError, ProverError
from p2pnode.market.answers import Answers
from p2pnode.market.context import Context
from p2pnode.market.models import ModelShelf
from p2pnode.market.pace import Paces
from p2pnode.market.pause import Pause
from p2pnode.market.refusal import Refusal
from p2pnode.market.rescues.ledger import RescueBook
from p2pnode.market.rescues.state import GiveUp, RescueState
from p2pnode.market.rescues.verdict import RescueTerms
from p2pnode.market.settings import WorkerSettings
from p2pnode.ports import Progress, Proof, ProofTask, Prover, RescueEntry
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.eip712 import rescue_id
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.tensors import tensors_digest

_MOST_TRIES: Final = 3
_LOOK_SECONDS: Final = 30
"""Between looks at whether another was faster."""


class _Outrun(Exception):
    """Another settled the task while it was being proved."""


class RescueProofs:
    """Takes a rescue from TAKEN to PROVED, in its own job folder below `jobs`."""

    def __init__(
        self,
        context: Context,
        book: RescueBook,
        terms: RescueTerms,
        models: ModelShelf,
        answers: Answers,
        prover: Prover,
        paces: Paces,
        pause: Pause,
        settings: WorkerSettings,
        jobs: Path,
    ) -> None:
        self._context = context
        self._book = book
        self._terms = terms
        self._models = models
        self._answers = answers
        self._prover = prover
        self._paces = paces
        self._pause = pause
        self._settings = settings
        self._jobs = jobs

    async def prove(self, rescue: RescueEntry) -> RescueEntry | None:
        """The rescue with its proof, both in the ledger; None when it was given up."""
        reason = ""
        for _ in range(_MOST_TRIES):
            if self._context.clock.now() >= rescue.rescue_until:
                self._book.give_up(rescue, GiveUp.TOO_LATE, reason or "the window ended before the proof")
                return None
            try:
                return await self._try(rescue)
            except _Outrun:
                self._book.give_up(rescue, GiveUp.OUTRUN, "another settled it before it was proved here")
                return None
            except InferenceError as error:
                self._book.give_up(rescue, GiveUp.UNRUNNABLE, str(error))
                return None
            except (ProverError, Refusal) as error:
                reason = str(error)
                self._pause.failed(reason)
                self._context.on_event("rescue.failed", task_id=rescue.task_id.hex(), reason=reason)
                await self._context.clock.sleep(self._settings.retry_seconds)
        self._book.give_up(rescue, GiveUp.UNPROVABLE, reason)
        return None

    async def _try(self, rescue: RescueEntry) -> RescueEntry:
        context, award = self._context, rescue.award.message
        tensors = context.store.content(award.input_digest)
        if tensors is None:
            raise InferenceError("its input is no longer in the ledger")
        task = ProofTask(rescue_id(context.domain, rescue.task_id, context.account), tensors)
        model = await self._models.prepare(award.model_digest, [])
        # Quick, and tells an input that cannot be run from a prover that fails.
        await self._answers.output(model, task)
        started = trio.current_time()
        proof = await self._prove_while_open(rescue, model, task)
        (output,) = proof.outputs
        digest = tensors_digest(output)
        expected = journal_of([leaf(task.task_id, award.model_digest, award.input_digest, digest)]).encode()
        if proof.journal != expected:
            raise ProverError("the proof is for another task")
        seconds = trio.current_time() - started
        rescue = self._book.move(rescue, RescueState.PROVED, proof=proof, output_digest=digest)
        self._paces.proved(award.model_digest, 1, seconds)
        context.on_event("rescue.proved", task_id=rescue.task_id.hex(), seconds=seconds)
        return rescue

    async def _prove_while_open(self, rescue: RescueEntry, model: Path, task: ProofTask) -> Proof:
        """The proof; raises _Outrun, with the prover killed, as soon as it is worth nothing any more."""
        job = self._jobs / f"rescue-{rescue.task_id.hex()}"
        outcome: Proof | ProverError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_if_outrun, rescue, nursery.cancel_scope)
            try:
                report = partial(self._on_progress, rescue)
                outcome = await self._prover.prove(model, [task], job, report)
            except ProverError as error:
                outcome = error
            nursery.cancel_scope.cancel()
        if outcome is None:
            raise _Outrun
        if isinstance(outcome, ProverError):
            raise outcome
        return outcome

    async def _cancel_if_outrun(self, rescue: RescueEntry, proving: trio.CancelScope) -> None:
        while True:
            try:
                if not await self._terms.is_open(rescue.task_id, rescue.award.message):
                    proving.cancel()
            except ChainError as error:
                # A proof takes longer than most outages; the settlement will find out.
                self._context.on_event("chain.unreachable", error=str(error))
            await self._context.clock.sleep(_LOOK_SECONDS)

    def _on_progress(self, rescue: RescueEntry, progress: Progress) -> None:
        self._context.on_event(
            "rescue.progress",
            task_id=rescue.task_id.hex(),
            model=to_cid(rescue.award.message.model_digest),
            step=progress.step,
            index=progress.index,
            total=progress.total,
            remaining=progress.remaining,
        )
