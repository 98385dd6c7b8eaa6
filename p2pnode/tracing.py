"""OpenTelemetry traces of tasks, for those who set a collector; nothing of it is loaded otherwise.

A trace's ID is the first half of the offer's hash, so that what the requester and the worker send of a task
meets in one trace without either telling the other.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from p2pnode.control import ControlHandlers
from p2pnode.errors import ConfigError
from p2pnode.history import Happening
from p2pnode.node import Node

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

SPANS: Final[Mapping[str, tuple[str, str]]] = {
    "auction": ("offer.published", "award.sent"),
    "answer": ("award.sent", "answer.received"),
    "settlement": ("answer.received", "receipt.stored"),
    "run": ("award.received", "answer.sent"),
    "prove": ("proof.started", "proof.done"),
    "settle": ("settlement.sent", "settlement.confirmed"),
}
"""Spans by the events that begin and end them: three of a requester, three of a worker."""
_FAILED: Final = frozenset(
    {"task.failed", "task.missed", "proof.failed", "settlement.failed", "task.failover", "award.refused"}
)
_MOST_OPEN: Final = 4096


class Tracer:
    """Turns happenings into spans."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._tracer = provider.get_tracer("p2pnode")
        self._open: OrderedDict[tuple[str, str], Span] = OrderedDict()

    def note(self, happening: Happening) -> None:
        """Begin and end what this event begins and ends, for each of its tasks."""
        for offer in happening.offers:
            for name, (first, last) in SPANS.items():
                if happening.name == last or happening.name in _FAILED:
                    self._end(offer, name, happening)
                if happening.name == first:
                    self._begin(offer, name, happening)

    def close(self) -> None:
        """End what is open, as it is."""
        for span in self._open.values():
            span.end()
        self._open.clear()

    def _begin(self, offer: str, name: str, happening: Happening) -> None:
        from opentelemetry import trace

        # Again, when an offer is published or awarded again: the first one counts.
        if (offer, name) in self._open:
            return
        parent = trace.SpanContext(
            trace_id=int(offer[:32], 16),
            span_id=int(offer[32:48], 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(trace.NonRecordingSpan(parent)),
            start_time=_nanoseconds(happening),
            attributes=_attributes(happening),
        )
        self._open[offer, name] = span
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].end()

    def _end(self, offer: str, name: str, happening: Happening) -> None:
        from opentelemetry.trace import StatusCode

        span = self._open.pop((offer, name), None)
        if span is None:
            return
        span.set_attributes(_attributes(happening))
        if happening.name in _FAILED:
            span.set_status(StatusCode.ERROR, str(happening.fields.get("reason", happening.name)))
        span.end(_nanoseconds(happening))


@asynccontextmanager
async def open_tracing(node: Node, handlers: ControlHandlers) -> AsyncIterator[None]:
    """Sends spans to `api.trace_endpoint` until the context ends. Raises ConfigError without the extra."""
    provider = _provider(node)
    tracer = Tracer(provider)

    def follow(name: str, fields: Mapping[str, object]) -> None:
        # The history was told first, and knows which tasks an event is about.
        tracer.note(node.history.newest)

    try:
        with node.events.followed_by(follow):
            yield
    finally:
        tracer.close()
        with trio.CancelScope(shield=True):
            # Sends what is left, in a thread: the collector may be slow or gone.
            await trio.to_thread.run_sync(provider.shutdown)


def _provider(node: Node) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            "api.trace_endpoint is set, and OpenTelemetry is not installed: pip install 'p2pnode[otel]'"
        ) from error
    where = node.config.api.trace_endpoint.rstrip("/") + "/v1/traces"
    service = {"service.name": "p2pnode", "service.instance.id": node.network.peer_id}
    provider = TracerProvider(resource=Resource.create(service))
    # A collector that is gone costs two seconds at the end, no more.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=where, timeout=2)))
    return provider


def _nanoseconds(happening: Happening) -> int:
    return int(happening.at * 1e9) or time.time_ns()


def _attributes(happening: Happening) -> dict[str, Any]:
    """What a span may carry: plain values, prices as text since they exceed 64 bits."""
    return {
        name: value if isinstance(value, str | bool | float) else str(value)
        for name, value in happening.fields.items()
        if value is not None and name != "task_ids"
    }
