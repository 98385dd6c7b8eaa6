"""Who offers to relay, heard by gossip, and handing a transaction to one of them.

An offer is hearsay: it costs its hearer at most a refusal, since the fee is paid by the pool with the
transaction or not at all.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.ports import Bus, Clock, StreamProtocol, Topic

INTERVAL: Final = 20
"""Seconds between two gossips of an offer."""
FORGET_AFTER: Final = 3 * INTERVAL
MOST_OFFERS: Final = 256
MAX_OFFER: Final = 256
MAX_REQUEST: Final = 64 << 10
"""Bytes of a transaction of four inputs and four outputs, twice over."""
MAX_ANSWER: Final = 1024
ANSWER_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class RelayOffer:
    """Who relays into which pool (20 bytes) for how many units; the fee goes to `account`."""

    chain_id: int
    pool: bytes
    account: bytes
    fee: int

    def encode(self) -> bytes:
        return cbor2.dumps([self.chain_id, self.pool, self.account, self.fee])

    @classmethod
    def decode(cls, data: bytes) -> "RelayOffer":
        """ProtocolError for anything that `encode` does not give."""
        try:
            chain_id, pool, account, fee = _loads(data, MAX_OFFER)
        except (ValueError, TypeError) as error:
            raise ProtocolError(f"relay offer is malformed: {error}") from error
        if not _is_count(chain_id) or not _is_address(pool) or not _is_address(account) or not _is_count(fee):
            raise ProtocolError("relay offer has a field of another type than it must")
        return cls(chain_id, pool, account, fee)


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """The newest offer of a peer, and when it came, seconds UTC."""

    peer: str
    offer: RelayOffer
    seen: int


class Relays:
    """The offers for one pool, and the way to use them."""

    def __init__(self, bus: Bus, clock: Clock, chain_id: int, pool: bytes) -> None:
        self._bus = bus
        self._clock = clock
        self._where = (chain_id, pool)
        self._seen: OrderedDict[str, SeenOffer] = OrderedDict()

    def offers(self) -> Sequence[SeenOffer]:
        """Fresh offers, cheapest first."""
        oldest = self._clock.now() - FORGET_AFTER
        fresh = [seen for seen in self._seen.values() if seen.seen >= oldest]
        return sorted(fresh, key=lambda seen: (seen.offer.fee, seen.peer))

    async def run(self) -> None:
        """Listen until cancelled."""
        async with self._bus.subscribe(Topic.RELAYS) as messages:
            async for message in messages:
                self.hear(message.peer, message.data)

    def hear(self, peer: str, data: bytes) -> None:
        """Remember an offer; one that is malformed or for another pool is dropped."""
        try:
            offer = RelayOffer.decode(data)
        except ProtocolError:
            return
        if (offer.chain_id, offer.pool) != self._where:
            return
        self._seen[peer] = SeenOffer(peer, offer, self._clock.now())
        self._seen.move_to_end(peer)
        while len(self._seen) > MOST_OFFERS:
            self._seen.popitem(last=False)

    async def relay(self, peer: str, transaction: bytes) -> bytes:
        """Have `peer` submit an encoded transaction; its hash on the chain.

        NetworkError when the peer does not answer or refuses; another may be asked then, since a transaction
        counts once.
        """
        answer = await self._bus.request(
            peer, StreamProtocol.RELAY, transaction, timeout=ANSWER_SECONDS, max_response=MAX_ANSWER
        )
        try:
            ok, value = _loads(answer, MAX_ANSWER)
        except (ValueError, TypeError) as error:
            raise NetworkError(f"relayer {peer} gave a malformed answer") from error
        if ok is True and isinstance(value, bytes) and len(value) == 32:
            return value
        raise NetworkError(f"relayer {peer} refused: {str(value)[:200]}")


def _loads(data: bytes, most: int) -> Any:
    if len(data) > most:
        raise ValueError(f"{len(data)} bytes, at most {most}")
    try:
        return cbor2.loads(data)
    except cbor2.CBORDecodeError as error:
        raise ValueError("no CBOR") from error


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 64


def _is_address(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == 20
