"""Takes a proved rescue to the chain, however often the chain must be asked.

The state SETTLING is written before a transaction leaves; the chain adapter finds what was sent under a key
before, and the chain pays a task once, so a crash costs no second payment.
"""

from collections.abc import Callable
from typing import Final

from p2pnode.errors import BlobError, ChainError
from p2pnode.market.context import Context
from p2pnode.market.rescues.ledger import RescueBook
from p2pnode.market.rescues.state import GiveUp, RescueState
from p2pnode.market.rescues.verdict import RescueTerms
from p2pnode.market.settings import WorkerSettings
from p2pnode.ports import Rescued, RescueEntry

_LONGEST_RETRY: Final = 120
_GRACE: Final = 600
"""Seconds after the window in which a transaction that was sent in time may still be found."""
_WINDOWS: Final = 3 * 24 * 3600
"""Seconds before the end of the rescue window in which nobody can have rescued the task yet."""


class RescueSettler:
    """Settles rescues of one worker; `on_paid` is told of each that was paid."""

    def __init__(
        self,
        context: Context,
        book: RescueBook,
        terms: RescueTerms,
        settings: WorkerSettings,
        on_paid: Callable[[], None],
    ) -> None:
        self._context = context
        self._book = book
        self._terms = terms
        self._settings = settings
        self._on_paid = on_paid

    async def settle(self, rescue: RescueEntry) -> None:
        """Until it is paid, another is, or the window is over."""
        if rescue.state == RescueState.PROVED:
            rescue = self._book.move(rescue, RescueState.SETTLING)
        await self._offer_output(rescue)
        retry = self._settings.retry_seconds
        while True:
            try:
                if await self._try(rescue):
                    return
                reason = "the report ended without a payment"
            except ChainError as error:
                reason = str(error)
            self._context.on_event("rescue.failed", task_id=rescue.task_id.hex(), reason=reason)
            if rescue.rescue_until + _GRACE < self._context.clock.now():
                self._book.give_up(rescue, GiveUp.TOO_LATE, reason)
                return
            await self._context.clock.sleep(retry)
            retry = min(2 * retry, _LONGEST_RETRY)

    async def _try(self, rescue: RescueEntry) -> bool:
        """Whether it ended. What the chain says counts, for anyone may send what this worker has proved."""
        context, award = self._context, rescue.award.message
        paid = await self._paid(rescue)
        if paid is None and await self._terms.is_open(rescue.task_id, award):
            await self._send(rescue)
            paid = await self._paid(rescue)
        if paid is not None and paid.rescuer == context.account:
            self._book.move(rescue, RescueState.RESCUED, transaction=paid.transaction)
            self._on_paid()
            context.on_event(
                "rescue.settled",
                task_id=rescue.task_id.hex(),
                transaction=paid.transaction.hex(),
                price=award.price,
            )
            return True
        if paid is not None:
            reason = f"0x{paid.rescuer.hex()} was paid in transaction 0x{paid.transaction.hex()}"
            self._book.give_up(rescue, GiveUp.OUTRUN, reason)
            return True
        if await context.chain.is_nonce_used(award.requester, award.nonce):
            self._book.give_up(rescue, GiveUp.OUTRUN, "another award under its nonce was paid")
            return True
        return False

    async def _paid(self, rescue: RescueEntry) -> Rescued | None:
        return await self._context.chain.find_rescue(rescue.task_id, rescue.rescue_until - _WINDOWS)

    async def _send(self, rescue: RescueEntry) -> None:
        context, proof = self._context, rescue.proof
        assert proof is not None, "a rescue is PROVED with its proof"
        await context.chain.rescue(
            rescue.award.message,
            rescue.output_digest,
            proof,
            f"rescue/{rescue.task_id.hex()}",
            credit=self._settings.credit,
        )

    async def _offer_output(self, rescue: RescueEntry) -> None:
        """Serve the output by its digest, which the chain will show, so that the requester has its answer."""
        assert rescue.proof is not None, "a rescue is PROVED with its proof"
        try:
            await self._context.blobs.put(rescue.proof.outputs[0])
        except BlobError as error:
            self._context.on_event("rescue.failed", task_id=rescue.task_id.hex(), reason=str(error))
