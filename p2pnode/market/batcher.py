"""Proves answered tasks in batches of one model, and settles them.

A batch goes out when it is full, when its oldest task has waited long enough, or when a deadline is near.
Every step is in the ledger before it is taken, so that a restart goes on with it: a batch without a proof is
proved again in its job folder, one with a proof is settled again under the same key.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from p2pnode.errors import ChainError, ProverError
from p2pnode.market.context import Context
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.models import ModelShelf
from p2pnode.market.pace import Paces
from p2pnode.market.pause import Pause
from p2pnode.market.refusal import Refusal
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.settlement import Settler
from p2pnode.market.state import TaskState
from p2pnode.ports import BatchEntry, Progress, Proof, ProofTask, Prover, Role, TaskEntry
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.tensors import tensors_digest

_LONGEST_WAIT = 60


class Batcher:
    """One proof at a time, settlements beside it."""

    def __init__(
        self,
        context: Context,
        prover: Prover,
        models: ModelShelf,
        paces: Paces,
        pause: Pause,
        settings: WorkerSettings,
        settler: Settler,
        jobs: Path,
        deadlines: Deadlines,
    ) -> None:
        self._context = context
        self._prover = prover
        self._models = models
        self._paces = paces
        self._pause = pause
        self._settings = settings
        self._settler = settler
        self._jobs = jobs
        self._deadlines = deadlines
        self._wake = trio.Event()
        self._proving: tuple[frozenset[bytes], str] = (frozenset(), "")

    def wake(self) -> None:
        """Look at the queue again."""
        self._wake.set()

    def progress(self, task_id: bytes) -> str:
        """A few words on a task that is being proved; empty for another."""
        members, text = self._proving
        return text if task_id in members else ""

    async def run(self) -> None:
        """Prove and settle until cancelled; begins with what the ledger holds unfinished."""
        async with trio.open_nursery() as nursery:
            left = self._context.store.open_batches()
            for batch in left:
                if batch.proof is not None:
                    nursery.start_soon(self._settler.settle, batch)
            for batch in sorted(left, key=self._deadline):
                # What an earlier run had proved of it would make this look fast, so nothing is learnt.
                if batch.proof is None and await self._prove(batch, learn=False):
                    nursery.start_soon(self._settler.settle, self._reread(batch))
            while True:
                self._wake = trio.Event()
                wait, tasks = await self._due()
                if tasks:
                    batch = self._open_batch(tasks)
                    if await self._prove(batch):
                        nursery.start_soon(self._settler.settle, self._reread(batch))
                    continue
                with trio.move_on_after(wait):
                    await self._wake.wait()

    async def _due(self) -> tuple[float, list[TaskEntry]]:
        """The tasks to prove now, those with the nearest deadline first, or how long to wait for some."""
        waiting: dict[bytes, list[TaskEntry]] = {}
        answered = self._context.store.tasks(Role.WORKER, [TaskState.ANSWERED])
        for task in sorted(answered, key=self._deadlines.of):
            waiting.setdefault(task.offer.message.model_digest, []).append(task)
        wait: float = _LONGEST_WAIT
        # A dict keeps its order, so the model of the nearest deadline comes first.
        for model_digest, tasks in waiting.items():
            due: float = min(task.changed for task in tasks) + self._settings.batch_seconds
            nearest = self._deadlines.of(tasks[0]) - self._settings.settle_seconds
            pace = self._paces.known.get(model_digest)
            due = min(due, nearest - (pace.proof(len(tasks)) if pace is not None else 0))
            if len(tasks) >= self._settings.batch_size or due <= self._context.clock.now():
                payable = await self._payable(tasks[: self._settings.batch_size])
                if payable:
                    return 0, payable
                wait = 0
            wait = min(wait, max(due - self._context.clock.now(), 0))
        return wait, []

    async def _payable(self, tasks: Sequence[TaskEntry]) -> list[TaskEntry]:
        """Those that can still be paid; the others are not worth a proof and end here."""
        payable = []
        for task in tasks:
            assert task.award is not None
            award = task.award.message
            if self._deadlines.of(task) <= self._context.clock.now():
                self._miss(task, f"settle_deadline {award.settle_deadline} passed before the proof")
            elif await self._nonce_used(award.requester, award.nonce):
                self._miss(task, "another worker was paid for this offer")
            else:
                payable.append(task)
        return payable

    async def _nonce_used(self, requester: bytes, nonce: int) -> bool:
        try:
            return await self._context.chain.is_nonce_used(requester, nonce)
        except ChainError as error:
            # Proving takes longer than most outages; the settlement will find out.
            self._context.on_event("chain.unreachable", error=str(error))
            return False

    def _open_batch(self, tasks: Sequence[TaskEntry]) -> BatchEntry:
        context = self._context
        task_ids = tuple(task.task_id for task in tasks if task.task_id is not None)
        batch = BatchEntry(context.random_bytes(32).hex(), tasks[0].offer.message.model_digest, task_ids)
        with context.store.transaction():
            context.store.add_batch(batch)
            for task in tasks:
                context.move(task, TaskState.PROVING)
        return batch

    def _reread(self, batch: BatchEntry) -> BatchEntry:
        return self._context.store.batch(batch.batch_id) or batch

    def _deadline(self, batch: BatchEntry) -> int:
        return min((self._deadlines.of(task) for task in self._tasks(batch)), default=0)

    def _tasks(self, batch: BatchEntry) -> list[TaskEntry]:
        found = (self._context.store.task_by_id(Role.WORKER, task_id) for task_id in batch.task_ids)
        return [task for task in found if task is not None]

    async def _prove(self, batch: BatchEntry, *, learn: bool = True) -> bool:
        """Prove a batch into the ledger. False if that failed; its tasks wait again or have ended."""
        context, started = self._context, trio.current_time()
        tasks = self._tasks(batch)
        fields = {"batch": batch.batch_id, "model": to_cid(batch.model_digest), "count": len(tasks)}
        context.on_event("proof.started", **fields, task_ids=[found.hex() for found in batch.task_ids])
        try:
            proof_tasks = [self._proof_task(task) for task in tasks]
            model = await self._models.prepare(batch.model_digest, [tasks[0].peer])
            job = self._jobs / batch.batch_id
            on_progress = partial(self._on_progress, batch)
            proof = await self._prover.prove(model, proof_tasks, job, on_progress)
            check_proof(proof, tasks)
        except (ProverError, Refusal) as error:
            context.on_event("proof.failed", **fields, reason=str(error))
            await self._requeue(batch, tasks, str(error))
            return False
        finally:
            self._proving = (frozenset(), "")
        with context.store.transaction():
            context.store.save_proof(batch.batch_id, proof)
            for task in tasks:
                context.move(task, TaskState.PROVED)
        seconds = trio.current_time() - started
        if learn:
            self._paces.proved(batch.model_digest, len(tasks), seconds)
        context.on_event("proof.done", **fields, seconds=seconds, seal_bytes=len(proof.seal))
        self._compare(tasks, proof)
        return True

    def _on_progress(self, batch: BatchEntry, progress: Progress) -> None:
        remaining = "" if progress.remaining is None else f", {progress.remaining:.0f} s left"
        text = f"{progress.step} {progress.index} of {progress.total}{remaining}"
        self._proving = (frozenset(batch.task_ids), text)
        self._context.on_event(
            "proof.progress",
            batch=batch.batch_id,
            model=to_cid(batch.model_digest),
            step=progress.step,
            index=progress.index,
            total=progress.total,
            seconds=progress.seconds,
            remaining=progress.remaining,
            **{f"detail_{name}": value for name, value in progress.detail.items()},
        )

    def _compare(self, tasks: Sequence[TaskEntry], proof: Proof) -> None:
        """Float models differ in the last bits between runtimes; the proved output is the one that counts."""
        for task, output in zip(tasks, proof.outputs, strict=True):
            proved = tensors_digest(output)
            if task.task_id is not None and task.result is not None:
                answered = task.result.message.output_digest
                if answered != proved:
                    self._context.on_event(
                        "proof.differs",
                        task_id=task.task_id.hex(),
                        answered=answered.hex(),
                        proved=proved.hex(),
                    )

    async def _requeue(self, batch: BatchEntry, tasks: Sequence[TaskEntry], reason: str) -> None:
        """End the tasks that the guest cannot run, and let the others wait for a new batch."""
        context = self._context
        bad = await self._unprovable(batch, tasks)
        with context.store.transaction():
            context.store.close_batch(batch.batch_id)
            for task in tasks:
                if task.task_id in bad:
                    self._miss(task, bad[task.task_id])
                elif self._deadlines.of(task) <= context.clock.now():
                    self._miss(task, reason)
                else:
                    context.move(task, TaskState.ANSWERED)
        if not bad:
            self._pause.failed(reason)
            await context.clock.sleep(self._settings.retry_seconds)

    async def _unprovable(self, batch: BatchEntry, tasks: Sequence[TaskEntry]) -> dict[bytes, str]:
        """Tasks that fail alone in the guest, with the guest's reason."""
        bad: dict[bytes, str] = {}
        for task in tasks:
            if task.task_id is None:
                continue
            try:
                model = await self._models.prepare(batch.model_digest, [task.peer])
                job = self._jobs / f"{batch.batch_id}-{task.task_id.hex()}"
                await self._prover.execute(model, [self._proof_task(task)], job)
            except ProverError as error:
                bad[task.task_id] = f"the guest cannot run it: {error}"
            except Refusal:
                # The model was there when the task was answered, so it will be again.
                return {}
        return bad

    def _proof_task(self, task: TaskEntry) -> ProofTask:
        tensors = self._context.store.content(task.offer.message.input_digest)
        if tensors is None or task.task_id is None:
            raise ProverError(f"the input of offer {task.offer_hash.hex()} is no longer in the ledger")
        return ProofTask(task.task_id, tensors)

    def _miss(self, task: TaskEntry, reason: str) -> None:
        self._context.move(task, TaskState.MISSED, reason=reason)
        self._context.on_event("task.missed", offer=task.offer_hash.hex(), reason=reason)


def check_proof(proof: Proof, tasks: Sequence[TaskEntry]) -> None:
    """The journal must be that of these tasks with the proved outputs. Raises ProverError."""
    if len(proof.outputs) != len(tasks):
        raise ProverError(f"proof has {len(proof.outputs)} outputs; the batch has {len(tasks)} tasks")
    leaves = [
        leaf(
            task.task_id or b"",
            task.offer.message.model_digest,
            task.offer.message.input_digest,
            tensors_digest(output),
        )
        for task, output in zip(tasks, proof.outputs, strict=True)
    ]
    expected = journal_of(leaves).encode()
    if proof.journal != expected:
        raise ProverError(
            f"proof is for other tasks: its journal is {proof.journal.hex()}, this batch has {expected.hex()}"
        )
