"""Tells workers whose bids were not taken, so that the places these hold are free at once.

Best effort: a worker that does not hear of it frees the place when the bid runs out.
"""

from collections.abc import Iterable

import trio

from p2pnode.errors import NetworkError
from p2pnode.market.context import Context
from p2pnode.market.selection import RankedBid
from p2pnode.ports import StreamProtocol
from p2pnode.protocol.codec import encode, max_size
from p2pnode.protocol.messages import Decline, DeclineCode

_MOST_WAITING = 4096
_PARALLEL = 8
_TIMEOUT = 5.0


class Releases:
    """A queue of bids to be released, sent by `run`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._send, self._receive = trio.open_memory_channel[RankedBid](_MOST_WAITING)

    def add(self, bids: Iterable[RankedBid]) -> None:
        """Release these bids soon; what does not fit into the queue runs out by itself."""
        for bid in bids:
            try:
                self._send.send_nowait(bid)
            except trio.WouldBlock:
                return

    async def run(self) -> None:
        """Send until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(_PARALLEL):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        async for bid in self._receive:
            offer_hash = bid.bid.message.offer_hash
            try:
                await self._context.bus.request(
                    bid.peer,
                    StreamProtocol.TASK,
                    encode(Decline(offer_hash, DeclineCode.OUTBID, "another bid was taken")),
                    timeout=_TIMEOUT,
                    max_response=max_size(Decline),
                )
            except NetworkError as error:
                self._context.on_event(
                    "decline.unsent", offer=offer_hash.hex(), peer=bid.peer, reason=str(error)
                )
