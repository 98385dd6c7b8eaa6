"""Submissions that come over the control socket, run so that they outlive the client that made them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import trio

from p2pnode.amounts import joy
from p2pnode.control import Emit, SubmitRequest, TaskReport, Wait
from p2pnode.errors import P2PNodeError
from p2pnode.events import Events
from p2pnode.market.explain import Explanation, advise
from p2pnode.market.requester import Requester, TaskOutcome
from p2pnode.market.settings import Terms
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.receipt import parse_receipt

_MOST_EVENTS = 4096

Event = tuple[str, Mapping[str, object]]


class Submissions:
    """Turns submit requests into tasks of a requester, in the node's nursery."""

    def __init__(self, requester: Requester, events: Events, nursery: trio.Nursery, terms: Terms) -> None:
        self._requester = requester
        self._events = events
        self._nursery = nursery
        self._terms = terms

    async def submit(self, request: SubmitRequest, emit: Emit) -> Sequence[TaskReport]:
        """The handler of `submit`; cancelling it leaves the tasks running.

        Raises MarketError when nothing could be offered.
        """
        ended = _Ended()
        send, receive = trio.open_memory_channel[Event](_MOST_EVENTS)
        self._nursery.start_soon(self._run, request, send, ended)
        async with receive:
            async for name, fields in receive:
                await emit(name, fields)
        if ended.error is not None:
            raise ended.error
        return ended.reports

    async def _run(
        self, request: SubmitRequest, send: trio.MemorySendChannel[Event], ended: "_Ended"
    ) -> None:
        positions: dict[object, int] = {}

        def follow(name: str, fields: Mapping[str, object]) -> None:
            task = positions.get(fields.get("offer"), positions.get(fields.get("task_id")))
            if task is None:
                return
            if "task_id" in fields:
                positions[fields["task_id"]] = task
            # A client that is slow or gone misses events; they are in the log, and the reports tell the end.
            with suppress(trio.WouldBlock, trio.BrokenResourceError):
                send.send_nowait((name, {"task": task, "label": request.labels[task], **fields}))

        def know(offers: Sequence[bytes]) -> None:
            positions.update({offer.hex(): index for index, offer in enumerate(offers)})

        async with send:
            with self._events.followed_by(follow):
                try:
                    ended.reports = await self._reports(request, know)
                except P2PNodeError as error:
                    ended.error = error

    async def _reports(
        self, request: SubmitRequest, know: Callable[[Sequence[bytes]], None]
    ) -> Sequence[TaskReport]:
        terms = replace(self._terms, price_min=request.price_min, price_max=request.price_max)
        outcomes = await self._requester.submit(request.model_digest, request.inputs, terms, know)
        if request.wait == Wait.SETTLED:
            outcomes = await self._requester.settled([outcome.offer_hash for outcome in outcomes])
        return [self._report(label, outcome) for label, outcome in zip(request.labels, outcomes, strict=True)]

    def _report(self, label: str, outcome: TaskOutcome) -> TaskReport:
        receipt = self._requester.receipt(outcome.task_id) if outcome.task_id else None
        return TaskReport(
            label=label,
            state=outcome.state.value,
            task_id=outcome.task_id,
            worker=outcome.worker,
            price=outcome.price,
            model_fee=outcome.model_fee,
            output=outcome.output or b"",
            transaction=parse_receipt(receipt).transaction if receipt is not None else b"",
            reason=outcome.reason,
        )


@dataclass(slots=True)
class _Ended:
    """How a submission ended."""

    reports: Sequence[TaskReport] = ()
    error: P2PNodeError | None = None


def explanation_json(explanation: Explanation) -> Mapping[str, Any]:
    """An explanation for the control socket; amounts are decimal text."""
    offer = explanation.offer
    return {
        "offer": "0x" + explanation.offer_hash.hex(),
        "model": to_cid(offer.model_digest),
        "state": explanation.state,
        "price_min": str(offer.price_min),
        "price_max": str(offer.price_max),
        "advice": advise(explanation, joy),
        "workers": [
            {
                "peer": verdict.peer,
                "account": "0x" + verdict.account.hex(),
                "capacity": verdict.capacity,
                "load": verdict.load,
                "code": verdict.code,
                "reason": verdict.reason,
                "price": str(verdict.price),
                "deposit": str(verdict.deposit),
                "bond": str(verdict.bond),
                "changes": [
                    {"field": change.field, "given": str(change.given), "needed": str(change.needed)}
                    for change in verdict.changes
                ],
                "then": verdict.ends,
            }
            for verdict in explanation.verdicts
        ],
    }
