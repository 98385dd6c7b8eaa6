"""A worker's verdict on a session that it is asked for. Nothing is written or promised here."""

from pathlib import Path
from typing import Final

from p2pnode.market.checks import check_bond, check_capacity, check_escrow, check_listing
from p2pnode.market.context import Context
from p2pnode.market.examination import Examiner
from p2pnode.market.models import ModelShelf
from p2pnode.market.pause import Pause
from p2pnode.market.refusal import Refusal
from p2pnode.market.sessions.checks import check_award, check_call_price, check_prices
from p2pnode.market.sessions.owed import cost_of
from p2pnode.market.sessions.pace import CallPace
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.strategy import Costs
from p2pnode.protocol.messages import DeclineCode, SessionAward, Signed

SETTLE_GAS: Final = 250_000
"""Most gas of a settlement with a small last answer: contracts/test/settlement/sessions.test.ts."""


class SessionTerms:
    """Examines sessions for one worker."""

    def __init__(
        self,
        context: Context,
        models: ModelShelf,
        examiner: Examiner,
        pause: Pause,
        settings: WorkerSettings,
        pace: CallPace,
    ) -> None:
        self._context = context
        self._pace = pace
        self._models = models
        self._examiner = examiner
        self._pause = pause
        self._settings = settings

    async def examine(self, signed: Signed[SessionAward], peer: str) -> Path:
        """The model of a session that this worker would take; `peer` may have it. Raises Refusal, ChainError.

        After it returns the caller must write the session before it waits for anything.
        """
        context, settings, award = self._context, self._settings, signed.message
        check_award(signed, context.domain, context.account, context.clock.now(), settings.settle_seconds)
        self._pause.check()
        record = await context.chain.node(context.account)
        if record is None or not record.active:
            raise Refusal(DeclineCode.STAKE_TOO_LOW, "this worker has no stake now; ask another")
        listing = check_listing(award.model_digest, await context.chain.listing(award.model_digest))
        opening_fee = settings.strategy.ask(
            Costs(
                requester=award.requester,
                model_digest=award.model_digest,
                proving_seconds=0,
                gas=SETTLE_GAS,
                gas_price=await context.chain.gas_price(),
            )
        )
        check_prices(award, settings.call_price, listing.fee, opening_fee)
        if settings.min_bond:
            check_bond(await context.chain.bond(award.requester), settings.min_bond)
        self.check_room()
        model = await self._models.prepare(award.model_digest, [peer])
        seconds = await self._pace.seconds(award.model_digest, model)
        check_call_price(award, settings.call_price, seconds)
        free = await context.chain.free_escrow(award.requester)
        self.check_room()
        check_escrow(cost_of(award, award.most_calls), self._examiner.outstanding(award.requester), free)
        return model

    def check_room(self) -> None:
        """One more session in use must have a place. Raises Refusal."""
        check_capacity(self._examiner.load(), self._settings.capacity)
