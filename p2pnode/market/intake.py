"""Which offers a worker looks at first, when more come than it can look at.

Offers of peers that were backed before (their requester's escrow covered what they asked for) have a lane of
their own, so that a flood from strangers delays only strangers; and among those, peers take turns, so that
one that shouts delays none that asks once.
"""

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import trio

from p2pnode.ports import Gossip

_BACKED_AT_ONCE = 48
_STRANGERS_AT_ONCE = 16
_MOST_OF_BACKED = 1024
"""Waiting offers of one peer that was backed before: as many as one submission has."""
_MOST_OF_STRANGER = 32
_MOST_PEERS = 4096


class Lane:
    """Offers that wait, by peer; `at_once` are looked at together."""

    def __init__(self, at_once: int, most: int) -> None:
        self.at_once = at_once
        self._most = most
        self._waiting: OrderedDict[str, deque[Gossip]] = OrderedDict()
        self._news = trio.Event()

    def put(self, offer: Gossip) -> bool:
        """Let an offer wait; False when its peer has too many waiting already."""
        queue = self._waiting.get(offer.peer)
        if queue is None:
            if len(self._waiting) >= _MOST_PEERS:
                return False
            queue = self._waiting[offer.peer] = deque()
        if len(queue) >= self._most:
            return False
        queue.append(offer)
        self._news.set()
        return True

    async def get(self) -> Gossip:
        """The next offer: peers take turns."""
        while not self._waiting:
            self._news = trio.Event()
            await self._news.wait()
        peer, queue = self._waiting.popitem(last=False)
        offer = queue.popleft()
        if queue:
            self._waiting[peer] = queue
        return offer


class Intake:
    """Hands offers to `consider`, which tells whether an offer was backed; `on_drop` hears of lost ones."""

    def __init__(
        self, consider: Callable[[Gossip], Awaitable[bool]], on_drop: Callable[[Gossip], None]
    ) -> None:
        self._consider = consider
        self._on_drop = on_drop
        self._backed: OrderedDict[str, None] = OrderedDict()
        self._lanes = {
            True: Lane(_BACKED_AT_ONCE, _MOST_OF_BACKED),
            False: Lane(_STRANGERS_AT_ONCE, _MOST_OF_STRANGER),
        }

    def put(self, offer: Gossip) -> None:
        """Take one gossiped offer; gossip is best effort, and an honest requester publishes again."""
        if not self._lanes[offer.peer in self._backed].put(offer):
            self._on_drop(offer)

    async def run(self) -> None:
        """Look at offers until cancelled."""
        async with trio.open_nursery() as nursery:
            for lane in self._lanes.values():
                for _ in range(lane.at_once):
                    nursery.start_soon(self._work, lane)

    async def _work(self, lane: Lane) -> None:
        while True:
            offer = await lane.get()
            if await self._consider(offer):
                self._backed[offer.peer] = None
                self._backed.move_to_end(offer.peer)
                if len(self._backed) > _MOST_PEERS:
                    self._backed.popitem(last=False)
