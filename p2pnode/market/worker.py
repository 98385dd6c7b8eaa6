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
from p2pnode.market.examination import Examiner
from p2pnode.market.intake import Intake
from p2pnode.market.models import ModelShelf
from p2pnode.market.pace import Paces
from p2pnode.market.pause import Pause
from p2pnode.market.presence import OwnState
from p2pnode.market.reports import ReportAnswers
from p2pnode.market.rescues.keeper import RescueKeeper
from p2pnode.market.rescues.ledger import RescueBook
from p2pnode.market.rescues.proof import RescueProofs
from p2pnode.market.rescues.settlement import RescueSettler
from p2pnode.market.rescues.verdict import RescueTerms
from p2pnode.market.sessions.desk import MAX_REQUEST as MAX_CALL
from p2pnode.market.sessions.desk import SessionDesk
from p2pnode.market.sessions.keeper import SessionKeeper
from p2pnode.market.sessions.pace import CallPace
from p2pnode.market.sessions.terms import SessionTerms
from p2pnode.market.settings import WorkerSettings
from p2pnode.market.settlement import Settler
from p2pnode.ports import Executor, Prover, SettlementOutcome, StreamProtocol, Topic


class Worker:
    """The parts of a worker and the loops that drive them."""

    def __init__(
        self, context: Context, executor: Executor, prover: Prover, settings: WorkerSettings, jobs: Path
    ) -> None:
        self._context = context
        self._settings = settings
        self.models = ModelShelf(context.blobs, executor, context.clock, settings.max_model_size)
        self.pause = Pause(settings.most_failures)
        deadlines = Deadlines()
        answers = Answers(executor, prover, jobs)
        paces = Paces(executor, answers, prover, jobs, settings.batch_size)
        self.examiner = Examiner(context, self.models, paces, self.pause, deadlines, settings)
        self.bidding = Bidding(context, self.examiner, settings)
        settler = Settler(context, settings, deadlines, self._on_settled, self.pause.failed)
        self.batcher = Batcher(
            context, prover, self.models, paces, self.pause, settings, settler, jobs, deadlines
        )
        self._assignments = Assignments(
            context,
            answers,
            self.models,
            self.batcher.progress,
            self.bidding.explain,
            self.batcher.wake,
            deadlines,
        )
        terms = SessionTerms(
            context, self.models, self.examiner, self.pause, settings, CallPace(executor, answers)
        )
        self._sessions = SessionDesk(
            context, terms, self.models, answers, settings.settle_seconds, lambda: self._keeper.wake()
        )
        self._keeper = SessionKeeper(context, self._sessions, settings.settle_seconds, credit=settings.credit)
        self._reports = ReportAnswers(context, self._assignments, deadlines)
        book = RescueBook(context)
        rescue_terms = RescueTerms(context, self.models, paces, self.examiner, self.pause, settings)
        self._rescues = RescueKeeper(
            context,
            book,
            rescue_terms,
            RescueProofs(
                context, book, rescue_terms, self.models, answers, prover, paces, self.pause, settings, jobs
            ),
            RescueSettler(context, book, rescue_terms, settings, self.pause.succeeded),
            looks=settings.rescue,
        )
        self._intake = Intake(
            self.bidding.consider, lambda offer: context.on_event("offer.dropped", peer=offer.peer)
        )

    def own_state(self) -> OwnState:
        """For the heartbeat."""
        return OwnState(self._settings.capacity, self.examiner.load(), self.models.held())

    def _on_settled(self, outcome: SettlementOutcome) -> None:
        self.pause.succeeded()
        self.examiner.gas = outcome.gas_used // self._settings.batch_size

    async def run(self) -> None:
        """Serve until cancelled; first finishes what a crash interrupted."""
        self._context.bus.serve(StreamProtocol.TASK, self._assignments.handle, max_request=MAX_REQUEST)
        self._context.bus.serve_conversations(
            StreamProtocol.SESSION, self._sessions.handle, max_request=MAX_CALL
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keeper.run)
            nursery.start_soon(self._assignments.resume)
            nursery.start_soon(self._reports.run)
            nursery.start_soon(self._rescues.run)
            nursery.start_soon(self.batcher.run)
            nursery.start_soon(self.bidding.run)
            nursery.start_soon(self._intake.run)
            async with self._context.bus.subscribe(Topic.OFFERS) as offers:
                async for offer in offers:
                    self._intake.put(offer)


@asynccontextmanager
async def open_worker(
    context: Context, executor: Executor, prover: Prover, settings: WorkerSettings, jobs: Path
) -> AsyncIterator[Worker]:
    """A running worker; `jobs` is the folder of the prover's job folders."""
    worker = Worker(context, executor, prover, settings, jobs)
    async with open_background(worker.run):
        yield worker
