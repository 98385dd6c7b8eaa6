"""Connection reversal: a peer that cannot be dialled is asked, through one it is connected to, to dial.

`/p2pnode/reverse/1`: request CBOR `[peer ID wanted, signed record of who wants it]`, empty answer once the
wanted peer is connected to the other. Whoever is asked passes it on if the wanted peer is connected to it,
and only for the peer that asks; the wanted peer checks the record and dials the addresses in it. That is what
DCUtR (libp2p specs, relay/DCUtR.md) does first; it serves a node behind a NAT and a peer that is not. Two
nodes behind NATs meet through a relay (`circuits`, `punch`).
"""

from collections.abc import Awaitable, Callable, Sequence

import cbor2
import structlog
import trio
from libp2p.abc import IHost
from libp2p.peer.id import ID

from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.network.address import Multiaddr
from p2pnode.network.connections import Connections
from p2pnode.network.limits import RateLimit
from p2pnode.network.records import MAX_RECORD, accept_record, dialable, own_record
from p2pnode.network.streams import Streams

log = structlog.get_logger("p2pnode.network")

PROTOCOL = "/p2pnode/reverse/1"
MAX_REQUEST = MAX_RECORD + 128
FORWARD_SECONDS = 15.0
ASK_SECONDS = 20.0
HELPERS = 4
"""Connected peers asked at once."""

Dial = Callable[[ID, Sequence[Multiaddr]], Awaitable[BaseException | None]]


class Reversal:
    """Asks for reversals, passes them on, and carries them out."""

    def __init__(self, host: IHost, streams: Streams, connections: Connections, dial: Dial) -> None:
        self._host = host
        self._streams = streams
        self._connections = connections
        self._dial = dial
        # Each one makes this node dial or pass on: ten at once for a peer, then one in six seconds.
        self._limit = RateLimit(1 / 6, 10, trio.current_time)
        streams.serve(PROTOCOL, self._serve, max_request=MAX_REQUEST)

    async def ask(self, wanted: ID) -> None:
        """Return when `wanted` has connected to this node, or nobody could bring that about."""
        request = cbor2.dumps([wanted.to_bytes(), own_record(self._host)])
        helpers = [peer for peer in self._connections.peers() if peer != wanted][:HELPERS]

        async def through(helper: ID) -> None:
            try:
                await self._streams.request(
                    helper.to_base58(), PROTOCOL, request, timeout=ASK_SECONDS, max_response=0
                )
            except NetworkError as error:
                log.debug("reversal.failed", helper=helper.to_base58(), error=str(error))

        async def connected() -> None:
            await self._connections.wait_connected(wanted)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connected)
            async with trio.open_nursery() as asking:
                for helper in helpers:
                    asking.start_soon(through, helper)
            nursery.cancel_scope.cancel()

    async def _serve(self, peer: str, request: bytes) -> bytes:
        wanted, record = _decode(request)
        if not self._limit.take(peer):
            raise NetworkError("too many reversals, ask later")
        if wanted == self._host.get_id():
            who = accept_record(self._host, record)
            log.info("peer.reversal", peer=who.to_base58(), through=peer)
            error = await self._dial(who, dialable(self._host, who))
            if error is not None:
                raise NetworkError("you cannot be dialled either")
            return b""
        if not self._connections.connected(wanted):
            raise NetworkError("the peer is not connected here")
        if accept_record(self._host, record).to_base58() != peer:
            raise ProtocolError("ask for yourself")
        await self._streams.request(
            wanted.to_base58(), PROTOCOL, request, timeout=FORWARD_SECONDS, max_response=0
        )
        return b""


def _decode(request: bytes) -> tuple[ID, bytes]:
    try:
        wanted, record = cbor2.loads(request)
    except Exception as error:
        raise ProtocolError(f"a reversal is not a CBOR pair: {error}") from error
    if not isinstance(wanted, bytes) or not isinstance(record, bytes) or not 0 < len(wanted) <= 64:
        raise ProtocolError("a reversal holds a peer ID and a record")
    return ID(wanted), record
