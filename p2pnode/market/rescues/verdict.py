"""A worker's verdict on a missed task that anyone may rescue. Nothing is written or promised here.

What the chain hands over was written by strangers and read from an endpoint that may err, so every part is
checked against the award's own digest. That digest is what the contract holds open: who signed the award, and
that its price is set aside, the contract has checked when it was reported.
"""

from dataclasses import dataclass
from typing import Final

from p2pnode.market.checks import CLOCK_SKEW, check_capacity, check_input
from p2pnode.market.context import Context
from p2pnode.market.examination import Examiner
from p2pnode.market.models import ModelShelf
from p2pnode.market.pace import Paces
from p2pnode.market.pause import Pause
from p2pnode.market.refusal import Refusal
from p2pnode.market.schedule import Pace, lateness
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.strategy import Costs
from p2pnode.ports import Papers, RescuableAward
from p2pnode.protocol.messages import Award, DeclineCode

RESCUE_GAS: Final = 5_800_000
"""A proof verified by itself, 5.3 million, and a rescue, 0.35 to 0.48 million: docs/gas.md."""


@dataclass(frozen=True, slots=True)
class Worth:
    """A rescue that this worker would take: its papers, and the share of the stake beside the price."""

    papers: Papers
    share: int


class RescueTerms:
    """Examines rescuable awards for one worker."""

    def __init__(
        self,
        context: Context,
        models: ModelShelf,
        paces: Paces,
        examiner: Examiner,
        pause: Pause,
        settings: WorkerSettings,
    ) -> None:
        self._context = context
        self._models = models
        self._paces = paces
        self._examiner = examiner
        self._pause = pause
        self._settings = settings

    async def examine(self, found: RescuableAward) -> Worth:
        """What a rescue would bring, if it is worth it. Raises Refusal, ChainError.

        After it returns the caller must write the rescue before it waits for anything.
        """
        context = self._context
        self._pause.check()
        if context.account in (found.worker, found.requester):
            raise Refusal(DeclineCode.NOT_SERVED, "a worker rescues no task of its own")
        check_capacity(self._examiner.load(), self._settings.capacity)
        papers = await self._papers(found)
        award = papers.award.message
        model = await self._models.prepare(award.model_digest, [])
        pace = await self._paces.measure(award.model_digest, model)
        share = await context.chain.rescue_reward(found)
        await self._check_pay(award, share, pace)
        if not await self.is_open(found.task_id, award):
            raise Refusal(DeclineCode.EXPIRED, "another has settled it")
        check_capacity(self._examiner.load(), self._settings.capacity)
        self._check_time(found, pace)
        return Worth(papers, share)

    async def is_open(self, task_id: bytes, award: Award) -> bool:
        """Whether a rescue would still be paid. Raises ChainError."""
        chain = self._context.chain
        return await chain.is_report_open(task_id) and not await chain.is_nonce_used(
            award.requester, award.nonce
        )

    async def _papers(self, found: RescuableAward) -> Papers:
        papers = await self._context.chain.report_papers(found)
        if papers is None:
            raise Refusal(DeclineCode.WRONG_INPUT, "its report does not hand over the input")
        award = papers.award.message
        if self._context.digest(award) != found.task_id:
            raise Refusal(DeclineCode.MALFORMED, "the award in its report is not the reported one")
        check_input(papers.tensors, award.input_digest)
        return papers

    async def _check_pay(self, award: Award, share: int, pace: Pace) -> None:
        """A rescue is a batch of one: it bears the fixed part of a proof and the gas of its verification."""
        asked = self._settings.strategy.ask(
            Costs(
                requester=award.requester,
                model_digest=award.model_digest,
                proving_seconds=pace.proof(1),
                gas=RESCUE_GAS,
                gas_price=await self._context.chain.gas_price(),
            )
        )
        if award.price + share < asked:
            raise Refusal(
                DeclineCode.PRICE_TOO_LOW,
                f"price {award.price} and share of the stake {share} are less than the {asked} asked for it",
                needed=asked,
            )

    def _check_time(self, found: RescuableAward, pace: Pace) -> None:
        """It is proved ahead of what waits, since nothing interrupts a proof: all must be in time with it."""
        now, seconds = self._context.clock.now(), pace.answer + pace.proof(1)
        queue = self._examiner.queue([], pace)
        late = lateness(queue, now + seconds)
        if late > 0:
            raise Refusal(
                DeclineCode.CANNOT_FINISH, f"tasks held here would be settled {round(late)} s late with it"
            )
        # The prover may have any of them in hand when it is asked.
        before = sum(batch.seconds for batch in queue)
        done = now + before + seconds + self._settings.settle_seconds + CLOCK_SKEW
        if done > found.rescue_until:
            raise Refusal(
                DeclineCode.CANNOT_FINISH,
                f"its window ends at {found.rescue_until}; this worker would settle it at {round(done)}",
            )
