"""Offers that others gossiped lately, for those who want to see the market; nobody bids by this."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from p2pnode.background import open_background
from p2pnode.errors import ProtocolError
from p2pnode.ports import Bus, Clock, Topic
from p2pnode.protocol.codec import decode_signed
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.messages import Offer

_MOST: Final = 512


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """An offer whose signature holds, who gossiped it, and when it came (seconds UTC)."""

    offer_hash: bytes
    peer: str
    offer: Offer
    seen: int


class OfferBoard:
    """The newest offers; made by `open_offer_board`."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, SeenOffer] = OrderedDict()

    def offers(self) -> Sequence[SeenOffer]:
        """The newest first."""
        return list(reversed(self._seen.values()))

    def note(self, seen: SeenOffer) -> None:
        """Keep one; a repetition keeps the place of the first."""
        self._seen.setdefault(seen.offer_hash, seen)
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)


@asynccontextmanager
async def open_offer_board(bus: Bus, domain: Domain, clock: Clock) -> AsyncIterator[OfferBoard]:
    """Listens until the context ends."""
    board = OfferBoard()
    async with open_background(partial(_listen, board, bus, domain, clock)):
        yield board


async def _listen(board: OfferBoard, bus: Bus, domain: Domain, clock: Clock) -> None:
    async with bus.subscribe(Topic.OFFERS) as messages:
        async for message in messages:
            try:
                signed = decode_signed(message.data, Offer)
                verify(domain, signed)
            except ProtocolError:
                # A worker that hears it says why it refuses; here it is just not shown.
                continue
            board.note(SeenOffer(digest(domain, signed.message), message.peer, signed.message, clock.now()))
