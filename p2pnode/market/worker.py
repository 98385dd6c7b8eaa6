"""A worker: hears offers, bids, takes awards, answers, proves and settles.

It owns its nursery; leaving the context ends everything, and what was in flight goes on from the ledger
the next time.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from p2pnode.background import open_background
from p2pnode.market.answers import Answers
from p2pnode.market.assignments import MAX_REQUEST, Assignments
from p2pnode.market.batcher import Batcher
from p2pnode.market.bidding import Bidding
from p2pnode.market.context import Context
from p2pnode.market.deadlines import Deadlines
from p2pnode.market.models import ModelShelf
from p2pnode.market.presence import OwnState
from p2pnode.market.reports import ReportAnswers
from p2pnode.market.settings import WorkerSettings
from p2pnode.ports import Executor, Gossip, Prover, StreamProtocol, Topic

_OFFERS_AT_ONCE = 64
_MOST_WAITING = 1024


class Worker:
    """The parts of a worker and the loops that drive them."""

    def __init__(
        self, context: Context, executor: Executor, prover: Prover, settings: WorkerSettings, jobs: Path
    ) -> None:
        self._context = context
        self._settings = settings
        self.models = ModelShelf(context.blobs, executor, context.clock, settings.max_model_size)
        self.bidding = Bidding(context, self.models, settings)
        deadlines = Deadlines()
        self.batcher = Batcher(context, prover, self.models, settings, jobs, deadlines)
        self._assignments = Assignments(
            context,
            Answers(executor, prover, jobs),
            self.models,
            self.batcher.progress,
            self.batcher.wake,
            deadlines,
        )
        self._reports = ReportAnswers(context, self._assignments, deadlines)
        self._places = trio.CapacityLimiter(_OFFERS_AT_ONCE)

    def own_state(self) -> OwnState:
        """For the heartbeat."""
        return OwnState(self._settings.capacity, self.bidding.load(), self.models.held())

    async def run(self) -> None:
        """Serve until cancelled; first finishes what a crash interrupted."""
        self._context.bus.serve(StreamProtocol.TASK, self._assignments.handle, max_request=MAX_REQUEST)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._assignments.resume)
            nursery.start_soon(self._reports.run)
            nursery.start_soon(self.batcher.run)
            async with self._context.bus.subscribe(Topic.OFFERS) as offers:
                async for offer in offers:
                    nursery.start_soon(self._consider, offer)

    async def _consider(self, offer: Gossip) -> None:
        if self._places.statistics().tasks_waiting >= _MOST_WAITING:
            # Backlog of a flood: gossip is best effort, and an honest requester publishes again.
            self._context.on_event("offer.dropped", peer=offer.peer)
            return
        async with self._places:
            await self.bidding.consider(offer)


@asynccontextmanager
async def open_worker(
    context: Context, executor: Executor, prover: Prover, settings: WorkerSettings, jobs: Path
) -> AsyncIterator[Worker]:
    """A running worker; `jobs` is the folder of the prover's job folders."""
    worker = Worker(context, executor, prover, settings, jobs)
    async with open_background(worker.run):
        yield worker
