"""The relayer's side: says what it takes, checks what it is given, pays the gas."""

from typing import Final, Protocol

import cbor2
import structlog
import trio

from p2pnode.errors import ChainError, NetworkError, P2PNodeError, ProtocolError
from p2pnode.jsc.codec import load_transaction
from p2pnode.jsc.transaction import Transaction
from p2pnode.ports import Bus, Clock, StreamProtocol, Topic
from p2pnode.relay.offers import INTERVAL, MAX_REQUEST, RelayOffer

LEAST_SECONDS: Final = 60
"""How long a transaction must still count: one that expires in the queue costs gas for nothing."""
AT_ONCE: Final = 4

log = structlog.get_logger()


class PoolSender(Protocol):
    """What a relayer needs of the chain."""

    async def relay(self, transaction: Transaction) -> bytes:
        """Submit, once however often it is asked; the transaction's hash. ChainError when it would revert."""


class Relayer:
    """Relays into the pool of `offer` for whoever pays its fee."""

    def __init__(self, bus: Bus, clock: Clock, chain: PoolSender, offer: RelayOffer) -> None:
        self._bus = bus
        self._clock = clock
        self._chain = chain
        self._offer = offer
        self._limit = trio.CapacityLimiter(AT_ONCE)

    async def run(self) -> None:
        """Serve and announce until cancelled."""
        self._bus.serve(StreamProtocol.RELAY, self.answer, max_request=MAX_REQUEST)
        while True:
            try:
                await self._bus.publish(Topic.RELAYS, self._offer.encode())
            except NetworkError as error:
                log.warning("relay.not_announced", reason=str(error))
            await self._clock.sleep(INTERVAL)

    async def answer(self, peer: str, request: bytes) -> bytes:
        """One encoded transaction -> CBOR of (True, hash) or (False, why not)."""
        try:
            async with self._limit:
                tx_hash = await self._chain.relay(self._checked(request))
        except ChainError as error:
            # The reason of a revert is the asker's to know; what else the node says of its chain is not.
            return cbor2.dumps([False, f"the chain refuses it: {str(error)[:160]}"])
        except P2PNodeError as error:
            return cbor2.dumps([False, str(error)[:200]])
        log.info("relay.sent", tx_hash=tx_hash.hex(), fee=self._offer.fee)
        return cbor2.dumps([True, tx_hash])

    def _checked(self, request: bytes) -> Transaction:
        transaction = load_transaction(request)
        payment, offer = transaction.payment, self._offer
        if payment.relayer != offer.account or payment.fee < offer.fee:
            raise ProtocolError(
                f"fee must be at least {offer.fee} units, for relayer 0x{offer.account.hex()}; sign it again"
            )
        if payment.deadline < self._clock.now() + LEAST_SECONDS:
            raise ProtocolError(f"deadline must be {LEAST_SECONDS} s away; sign it again")
        return transaction
