"""Looks for missed tasks that are worth a rescue and takes them to their end, one proof at a time.

A rescue is a race: whoever settles first is paid. So a task is taken only when its window is open and nobody
has settled it, its proof ends as soon as another was faster, and it is taken only where no other promise of
this worker becomes late by it.
"""

from collections import OrderedDict
from typing import Final

import trio

from p2pnode.errors import ChainError
from p2pnode.market.checks import CLOCK_SKEW
from p2pnode.market.context import Context
from p2pnode.market.refusal import Refusal
from p2pnode.market.rescues.ledger import RescueBook
from p2pnode.market.rescues.proof import RescueProofs
from p2pnode.market.rescues.settlement import RescueSettler
from p2pnode.market.rescues.state import RescueState
from p2pnode.market.rescues.verdict import RescueTerms
from p2pnode.ports import RescuableAward, RescueEntry, Role
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.messages import DeclineCode

LOOK_SECONDS: Final = 60
AGAIN_SECONDS: Final = 900
"""After a refusal, before the task is looked at again: gas, stake and what else is to do may have changed."""
_MOST_REFUSED: Final = 1024


class RescueKeeper:
    """Drives the rescues of one worker. Without `looks` it takes no new ones and ends those of the ledger."""

    def __init__(
        self,
        context: Context,
        book: RescueBook,
        terms: RescueTerms,
        proofs: RescueProofs,
        settler: RescueSettler,
        *,
        looks: bool,
    ) -> None:
        self._context = context
        self._book = book
        self._terms = terms
        self._proofs = proofs
        self._settler = settler
        self._looks = looks
        self._refused: OrderedDict[bytes, tuple[int, DeclineCode]] = OrderedDict()

    async def run(self) -> None:
        """Until cancelled; first takes up what a crash left."""
        async with trio.open_nursery() as nursery:
            for rescue in self._book.having(RescueState.PROVED, RescueState.SETTLING):
                nursery.start_soon(self._settler.settle, rescue)
            for rescue in self._book.having(RescueState.TAKEN):
                await self._finish(rescue, nursery)
            while self._looks:
                taken = await self._take_one()
                if taken is None:
                    await self._context.clock.sleep(LOOK_SECONDS)
                else:
                    await self._finish(taken, nursery)

    async def _finish(self, rescue: RescueEntry, nursery: trio.Nursery) -> None:
        proved = await self._proofs.prove(rescue)
        if proved is not None:
            nursery.start_soon(self._settler.settle, proved)

    async def _take_one(self) -> RescueEntry | None:
        """The first task that is worth it, the one with the nearest end of its window first."""
        try:
            for found in await self._context.chain.rescuable_awards():
                if self._is_due(found):
                    taken = await self._examine(found)
                    if taken is not None:
                        return taken
        except ChainError as error:
            self._context.on_event("chain.unreachable", error=str(error))
        return None

    def _is_due(self, found: RescuableAward) -> bool:
        now = self._context.clock.now()
        again, _ = self._refused.get(found.task_id, (0, None))
        return (
            found.answer_until + CLOCK_SKEW < now < found.rescue_until
            and again <= now
            and self._book.get(found.task_id) is None
        )

    async def _examine(self, found: RescuableAward) -> RescueEntry | None:
        context = self._context
        try:
            worth = await self._terms.examine(found)
        except Refusal as refusal:
            self._refuse(found, refusal)
            return None
        except ChainError as error:
            # Of this one alone, perhaps: what its report handed over need not decode.
            self._refuse(found, Refusal(DeclineCode.INTERNAL, str(error)))
            return None
        award = worth.papers.award
        rescue = RescueEntry(
            Role.WORKER,
            found.task_id,
            RescueState.TAKEN,
            award,
            context.account,
            found.rescue_until,
            context.clock.now(),
        )
        with context.store.transaction():
            context.store.put_content(worth.papers.tensors)
            context.store.add_rescue(rescue)
        context.on_event(
            "rescue.taken",
            task_id=found.task_id.hex(),
            model=to_cid(award.message.model_digest),
            worker=found.worker.hex(),
            price=award.message.price,
            share=worth.share,
            until=found.rescue_until,
        )
        return rescue

    def _refuse(self, found: RescuableAward, refusal: Refusal) -> None:
        _, before = self._refused.get(found.task_id, (0, None))
        self._refused[found.task_id] = (self._context.clock.now() + AGAIN_SECONDS, refusal.code)
        self._refused.move_to_end(found.task_id)
        if len(self._refused) > _MOST_REFUSED:
            self._refused.popitem(last=False)
        if before != refusal.code:
            self._context.on_event(
                "rescue.declined",
                task_id=found.task_id.hex(),
                code=refusal.code.value,
                reason=refusal.reason,
            )
