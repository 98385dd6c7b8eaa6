"""Settles proved batches and keeps their receipts.

The intent (state SETTLING, under the batch's ID as key) is written before the transaction leaves; the
chain adapter finds what was sent under a key before, so a crash costs no second transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from p2pnode.errors import ChainError, NetworkError, StoreError
from p2pnode.market.context import Context
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import BatchEntry, Proof, Role, SettlementOutcome, TaskEntry, Topic
from p2pnode.protocol import merkle
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.codec import encode
from p2pnode.protocol.journal import leaf
from p2pnode.protocol.messages import ReceiptSummary
from p2pnode.protocol.receipt import Receipt, dump_receipt
from p2pnode.protocol.tensors import tensors_digest

NONCE_USED = "NonceUsed"
"""Why ProofOfInference skips an award whose nonce has paid."""

_LONGEST_RETRY = 120

_GRACE = 600
"""Seconds after the last deadline in which a transaction that was sent in time may still be found."""


class Settler:
    """Takes a batch with a proof to the chain.

    `on_settled` is told of every outcome that paid something, `on_lost` why a batch was given up.
    """

    def __init__(
        self,
        context: Context,
        settings: WorkerSettings,
        deadlines: Deadlines,
        on_settled: Callable[[SettlementOutcome], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._context = context
        self._deadlines = deadlines
        self._settings = settings
        self._on_settled = on_settled
        self._on_lost = on_lost

    async def settle(self, batch: BatchEntry) -> None:
        """Settle, however often the chain must be asked; ends when all deadlines have passed and the chain
        says that it paid nothing."""
        context, proof = self._context, batch.proof
        if proof is None:
            raise StoreError(f"batch {batch.batch_id} has no proof; prove it before it is settled")
        tasks = self._tasks(batch)
        with context.store.transaction():
            tasks = [
                context.move(task, TaskState.SETTLING) if task.state == TaskState.PROVED else task
                for task in tasks
            ]
        retry, failure = self._settings.retry_seconds, ""
        while True:
            if failure and self._is_late(tasks) and await self._is_unpaid(tasks):
                self._give_up(batch, tasks, failure)
                self._on_lost(failure)
                return
            try:
                outcome = await self._found(tasks, await self._send(batch, tasks, proof))
                break
            except ChainError as error:
                failure = str(error)
                context.on_event(
                    "settlement.failed", batch=batch.batch_id, reason=failure, retry_seconds=retry
                )
            await context.clock.sleep(retry)
            retry = min(2 * retry, _LONGEST_RETRY)
        if outcome.settled:
            self._on_settled(outcome)
        self._record(batch, tasks, proof, outcome)
        await self._gossip(batch, tasks, outcome)

    async def _send(self, batch: BatchEntry, tasks: Sequence[TaskEntry], proof: Proof) -> SettlementOutcome:
        context = self._context
        context.on_event(
            "settlement.sent", batch=batch.batch_id, model=to_cid(batch.model_digest), count=len(tasks)
        )
        return await context.chain.settle_batch(
            [task.award for task in tasks if task.award is not None],
            [tensors_digest(output) for output in proof.outputs],
            proof.seal,
            batch.batch_id,
            credit=self._settings.credit,
        )

    async def _found(self, tasks: Sequence[TaskEntry], outcome: SettlementOutcome) -> SettlementOutcome:
        """The outcome with the tasks that this batch paid, but in another transaction.

        Anyone may send a batch: who copies ours from the pool and is first has paid us.
        """
        elsewhere: dict[bytes, bytes] = {}
        for task in tasks:
            if task.task_id is not None and outcome.skipped.get(task.task_id) == NONCE_USED:
                found = await self._context.chain.find_settlement(task.task_id, task.offer.message.ramp_start)
                if found is not None:
                    elsewhere[task.task_id] = found
        if not elsewhere:
            return outcome
        skipped = {key: reason for key, reason in outcome.skipped.items() if key not in elsewhere}
        return replace(outcome, settled=(*outcome.settled, *elsewhere), skipped=skipped, elsewhere=elsewhere)

    def _tasks(self, batch: BatchEntry) -> list[TaskEntry]:
        tasks = [self._context.store.task_by_id(Role.WORKER, task_id) for task_id in batch.task_ids]
        found = [task for task in tasks if task is not None and task.award is not None]
        if len(found) != len(batch.task_ids):
            raise StoreError(f"batch {batch.batch_id} has tasks without an award in the ledger; restore it")
        return found

    def _is_late(self, tasks: Sequence[TaskEntry]) -> bool:
        now = self._context.clock.now()
        return all(self._deadlines.of(task) + _GRACE <= now for task in tasks)

    async def _is_unpaid(self, tasks: Sequence[TaskEntry]) -> bool:
        """Whether the chain says so of every task: a transaction that was sent in time may be in a block
        although no answer of the chain's arrived since."""
        try:
            for task in tasks:
                if await self._context.chain.find_settlement(
                    task.task_id or b"", task.offer.message.ramp_start
                ):
                    return False
        except ChainError:
            return False
        return True

    def _give_up(self, batch: BatchEntry, tasks: Sequence[TaskEntry], reason: str) -> None:
        with self._context.store.transaction():
            for task in tasks:
                self._context.move(task, TaskState.MISSED, reason=f"not settled by its deadline: {reason}")
            self._context.store.close_batch(batch.batch_id)

    def _record(
        self, batch: BatchEntry, tasks: Sequence[TaskEntry], proof: Proof, outcome: SettlementOutcome
    ) -> None:
        context, receipts = self._context, self._receipts(tasks, proof, outcome)
        with context.store.transaction():
            for task, receipt in zip(tasks, receipts, strict=True):
                assert task.task_id is not None
                if task.task_id in outcome.settled:
                    context.store.add_receipt(task.task_id, dump_receipt(receipt))
                    context.move(task, TaskState.SETTLED)
                else:
                    reason = outcome.skipped.get(task.task_id, "the transaction's events do not name it")
                    context.move(task, TaskState.SKIPPED, reason=reason)
            context.store.close_batch(batch.batch_id)
        context.on_event(
            "settlement.confirmed",
            batch=batch.batch_id,
            model=to_cid(batch.model_digest),
            transaction=outcome.transaction.hex(),
            gas=outcome.gas_used,
            block=outcome.block,
            settled=len(outcome.settled),
            skipped={task_id.hex(): reason for task_id, reason in outcome.skipped.items()},
            paid=_paid(tasks, outcome),
        )
        for task_id in outcome.settled:
            context.on_event("receipt.stored", task_id=task_id.hex(), transaction=outcome.transaction.hex())

    def _receipts(
        self, tasks: Sequence[TaskEntry], proof: Proof, outcome: SettlementOutcome
    ) -> list[Receipt]:
        domain = self._context.domain
        digests = [tensors_digest(output) for output in proof.outputs]
        offers = [task.offer.message for task in tasks]
        leaves = [
            leaf(task.task_id or b"", offer.model_digest, offer.input_digest, digest)
            for task, offer, digest in zip(tasks, offers, digests, strict=True)
        ]
        receipts = []
        for index, (task, digest) in enumerate(zip(tasks, digests, strict=True)):
            assert task.award is not None
            assert task.result is not None
            receipts.append(
                Receipt(
                    chain_id=domain.chain_id,
                    contract=domain.verifying_contract,
                    award=task.award,
                    result=task.result,
                    output_digest=digest,
                    leaf_index=index,
                    leaf_count=len(leaves),
                    merkle_path=merkle.path(leaves, index),
                    journal=proof.journal,
                    image_id=proof.image_id,
                    seal=proof.seal,
                    transaction=outcome.elsewhere.get(task.task_id or b"", outcome.transaction),
                )
            )
        return receipts

    async def _gossip(
        self, batch: BatchEntry, tasks: Sequence[TaskEntry], outcome: SettlementOutcome
    ) -> None:
        if not outcome.settled:
            return
        summary = ReceiptSummary(
            model_digest=batch.model_digest,
            worker=self._context.account,
            count=len(outcome.settled),
            paid=_paid(tasks, outcome),
            transaction=outcome.transaction,
        )
        try:
            await self._context.bus.publish(Topic.RECEIPTS, encode(summary))
        except NetworkError as error:
            self._context.on_event("gossip.failed", topic=Topic.RECEIPTS.value, error=str(error))


def _paid(tasks: Sequence[TaskEntry], outcome: SettlementOutcome) -> int:
    awards = [task.award.message for task in tasks if task.award and task.task_id in outcome.settled]
    return sum(award.price for award in awards)
