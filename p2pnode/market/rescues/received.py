"""The requester's side of a rescue: the answer that another worker proved in the awarded worker's place."""

import trio

from p2pnode.errors import BlobError
from p2pnode.market.context import Context
from p2pnode.market.rescues.state import RescueState
from p2pnode.market.state import TaskState
from p2pnode.ports import Rescued, RescueEntry, Role, Store, TaskEntry
from p2pnode.protocol.schema import MAX_TENSORS


def output_of(store: Store, task: TaskEntry) -> bytes | None:
    """The answer to a requester's task: the one that a rescuer proved, else what its worker answered."""
    rescue = store.rescue(Role.REQUESTER, task.task_id) if task.task_id is not None else None
    if rescue is not None:
        return store.content(rescue.output_digest)
    return store.content(task.result.message.output_digest) if task.result is not None else None


class RescuedAnswers:
    """Fetches rescued answers by the digest that the chain shows: whoever serves one cannot change it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def take(self, task: TaskEntry, *, last_try: bool) -> bool:
        """Settle a task whose nonce has paid, if that was for a rescue; whether it is settled now.

        Without the answer it is settled at the last try only. Raises ChainError.
        """
        context, award = self._context, task.award
        assert award is not None
        assert task.task_id is not None
        rescued = await context.chain.find_rescue(task.task_id, award.message.settle_deadline)
        if rescued is None:
            return False
        output = await self._fetch(task.task_id, rescued)
        if output is None and not last_try:
            return False
        rescuer = rescued.rescuer.hex()
        entry = RescueEntry(
            Role.REQUESTER,
            task.task_id,
            RescueState.RESCUED,
            award,
            rescued.rescuer,
            0,
            context.clock.now(),
            output_digest=rescued.output_digest,
            transaction=rescued.transaction,
        )
        with context.store.transaction():
            if output is not None:
                context.store.put_content(output)
            context.store.add_rescue(entry)
            context.move(task, TaskState.SETTLED, reason=f"proved by 0x{rescuer} in its worker's place")
        context.on_event(
            "report.rescued",
            task_id=task.task_id.hex(),
            rescuer=rescuer,
            transaction=rescued.transaction.hex(),
            answer=output is not None,
        )
        context.on_event("task.ended", offer=task.offer_hash.hex(), paid=True)
        return True

    async def _fetch(self, task_id: bytes, rescued: Rescued) -> bytes | None:
        context = self._context
        node = await context.chain.node(rescued.rescuer)
        peers = [node.peer_id] if node is not None else []
        try:
            path = await context.blobs.get(rescued.output_digest, max_size=MAX_TENSORS, peers=peers)
            return await trio.Path(path).read_bytes()
        except (BlobError, OSError) as error:
            context.on_event("report.unanswered", task_id=task_id.hex(), reason=str(error))
            return None
