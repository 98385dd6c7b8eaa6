"""What is remembered of events, what every event of a task is named by, and the traces made of it."""

from collections.abc import Iterator, Mapping

import pytest
import trio
import trio.testing
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from p2pnode.events import Events
from p2pnode.history import History
from p2pnode.tracing import Tracer

OFFER, OTHER, TASK, BATCH = "ab" * 32, "cd" * 32, "11" * 32, "22" * 32


class Clock:
    """A second later at each look."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def history() -> History:
    return History(Clock())


@pytest.fixture
def events(history: History) -> Iterator[Events]:
    events = Events()
    with events.followed_by(history):
        yield events


def sell(events: Events) -> None:
    """A worker's way with one task."""
    events("bid.sent", offer=OFFER, price=1)
    events("award.received", offer=OFFER, task_id=TASK, price=1)
    events("answer.sent", task_id=TASK, seconds=0.1)
    events("proof.started", batch=BATCH, count=1, task_ids=[TASK])
    for index in (1, 2, 3):
        events("proof.progress", batch=BATCH, step="segment", index=index, total=3)
    events("proof.done", batch=BATCH, seconds=9.0)
    events("settlement.confirmed", batch=BATCH, gas=9)
    events("receipt.stored", task_id=TASK)


def test_every_event_is_found_by_its_task_however_it_was_named(events: Events, history: History) -> None:
    sell(events)
    events("offer.published", offer=OTHER)
    names = [happening.name for happening in history.since(0, OFFER)]
    assert names == [
        "bid.sent",
        "award.received",
        "answer.sent",
        "proof.started",
        "proof.progress",
        "proof.done",
        "settlement.confirmed",
        "receipt.stored",
    ]
    assert history.since(0, OFFER)[-1].fields["offer"] == OFFER
    assert len(history.since()) == 11
    assert history.counts["proof.progress"] == 3


def test_an_award_to_another_worker_has_its_own_task(events: Events, history: History) -> None:
    events("award.sent", offer=OFFER, task_id=TASK)
    events("award.sent", offer=OFFER, task_id=OTHER)
    events("answer.received", offer=OFFER)
    assert history.newest.fields["task_id"] == OTHER


def test_memory_is_bounded(history: History) -> None:
    for number in range(10_000):
        history("offer.published", {"offer": f"{number:064x}"})
    assert len(history.since()) == 4096
    assert history.since(0, f"{0:064x}") == []
    assert len(history.since(0, f"{9_999:064x}")) == 1


async def test_who_waits_hears_of_what_comes(history: History) -> None:
    history("offer.published", {"offer": OTHER})
    heard: list[str] = []

    async def wait() -> None:
        await history.wait(history.number, OFFER)
        heard.append(history.newest.name)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            history("bid.sent", {"offer": OTHER})
            await trio.testing.wait_all_tasks_blocked()
            assert heard == []
            history("bid.sent", {"offer": OFFER})
    assert heard == ["bid.sent"]


def test_both_sides_of_a_task_meet_in_one_trace() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for follow in (sell, buy):
        history, tracer, events = History(Clock()), Tracer(provider), Events()

        def note(
            name: str, fields: Mapping[str, object], history: History = history, tracer: Tracer = tracer
        ) -> None:
            history(name, fields)
            tracer.note(history.newest)

        with events.followed_by(note):
            follow(events)
        tracer.close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"run", "prove", "auction", "answer", "settlement"}
    assert {span.context.trace_id for span in spans.values()} == {int(OFFER[:32], 16)}
    # Seven events lie between: the proof began and ended as the clock says.
    prove, attributes = spans["prove"], spans["answer"].attributes
    assert prove.start_time is not None
    assert prove.end_time == prove.start_time + 4 * 10**9
    assert attributes is not None
    assert attributes["task_id"] == TASK
    assert not spans["settlement"].status.is_ok
    assert spans["settlement"].status.description == "too late"


def buy(events: Events) -> None:
    """A requester's way with a task that was never paid."""
    events("offer.published", offer=OFFER, price_max=1 << 80)
    events("award.sent", offer=OFFER, task_id=TASK)
    events("answer.received", offer=OFFER, task_id=TASK)
    events("task.failed", offer=OFFER, reason="too late")
