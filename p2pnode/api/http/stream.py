"""Server-sent events (WHATWG HTML, 9.2): what happens to tasks, as it happens."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import trio
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from p2pnode.api.http.service import Service
from p2pnode.api.http.views import happening_view

PING_SECONDS: Final = 15
"""Between signs of life, so that no proxy takes the stream for dead."""


def event_routes(service: Service) -> Blueprint:
    """`/v2/events`, all or of one task; `Last-Event-ID` goes on where a broken stream stopped."""
    routes = Blueprint("events", __name__)

    @routes.get("/v2/events")
    async def events() -> ResponseReturnValue:
        name = request.args.get("task", "")
        offer = service.task(name).offer_hash.hex() if name else None
        last = request.headers.get("Last-Event-ID") or request.args.get("after", "")
        # Of one task the past belongs to the story; of all, only what comes.
        start = int(last) if last.isdigit() else 0 if offer else service.node.history.number
        return stream_response(_followed(service, start, offer))

    return routes


def stream_response(chunks: AsyncIterator[bytes]) -> Response:
    """An endless answer."""
    response = Response(chunks, content_type="text/event-stream")
    response.timeout = None
    response.headers["Cache-Control"] = "no-store"
    return response


def event_text(name: str, fields: Mapping[str, Any], number: int | None = None) -> bytes:
    """One event; JSON has no line breaks, which would end the data."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: {json.dumps(fields, default=str)}\n\n".encode()


async def _followed(service: Service, number: int, offer: str | None) -> AsyncIterator[bytes]:
    history = service.node.history
    yield b": here begins the stream\n\n"
    while True:
        found = history.since(number, offer)
        for happening in found:
            yield event_text(happening.name, happening_view(happening), happening.number)
            number = happening.number
        if not found:
            with trio.move_on_after(PING_SECONDS) as scope:
                await history.wait(number, offer)
            if scope.cancelled_caught:
                yield b": still here\n\n"
