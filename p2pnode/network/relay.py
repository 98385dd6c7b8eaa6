"""A relay for peers that cannot be dialled: circuit relay v2, the side in the middle.

A peer reserves a place here (`RESERVE`), others ask for a connection to it (`CONNECT`), and the bytes of the
two streams are passed on, sealed end to end by noise. Rows 34 and 35 of docs/network.md: the library's relay
lets a peer reserve in anybody's name, ties two circuits of one peer together, and counts the seconds of a
circuit only when bytes come. Here a place belongs to a connection and ends with it, and each circuit has its
own budget of bytes and seconds.
"""

import time
from collections import Counter

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Limit, StopMessage
from libp2p.relay.circuit_v2.resources import RelayLimits, Reservation

from p2pnode.network.admission import place_of
from p2pnode.network.circuit_address import is_relayed, own_addresses
from p2pnode.network.connections import Connections
from p2pnode.network.guard import guarded, reset
from p2pnode.network.limits import RateLimit
from p2pnode.network.relay_terms import RelayTerms
from p2pnode.network.relay_wire import (
    HOP,
    STOP,
    Status,
    close_write,
    read_message,
    read_some,
    write_message,
)

log = structlog.get_logger("p2pnode.network")

READ_SECONDS = 10.0
CONNECT_SECONDS = 10.0
WRITE_SECONDS = 10.0
RESERVATION_SECONDS = 1800
PER_PLACE = 4
"""Reservations of one IPv4 address or IPv6 /64."""
PER_PEER = 4
"""Circuits that one peer may ask for at once."""
PER_TARGET = 16
"""Circuits that lead to one peer at once."""
CHUNK = 64 * 1024


class Relay:
    """Serves `HOP`. Owns no task of its own: everything ends with the stream it is about."""

    def __init__(self, host: IHost, connections: Connections, terms: RelayTerms) -> None:
        self._host = host
        self._connections = connections
        self._terms = terms
        self._places: dict[ID, tuple[Reservation, str]] = {}
        self._asking: Counter[ID] = Counter()
        self._leading_to: Counter[ID] = Counter()
        # Each request may cost a signature or a stream: ten at once for a peer, then one in two seconds.
        self._rate = RateLimit(0.5, 10, trio.current_time)
        host.set_stream_handler(HOP, guarded(self._serve))

    @property
    def reservations(self) -> list[str]:
        """Peers that hold a place now."""
        self._forget()
        return [peer.to_base58() for peer in self._places]

    @property
    def circuits(self) -> int:
        """Circuits open now."""
        return self._leading_to.total()

    async def _serve(self, stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        with trio.fail_after(READ_SECONDS):
            request = await read_message(stream, HopMessage)
        if is_relayed(stream) or not self._rate.take(peer):
            # The specification forbids circuits over circuits.
            await self._refuse(stream, Status.PERMISSION_DENIED)
        elif request.type == HopMessage.RESERVE:
            await self._reserve(stream, peer)
        elif request.type == HopMessage.CONNECT and 0 < len(request.peer.id) <= 64:
            await self._connect(stream, peer, ID(request.peer.id))
        else:
            await self._refuse(stream, Status.MALFORMED_MESSAGE)

    async def _refuse(self, stream: INetStream, status: "Status.ValueType") -> None:
        with trio.fail_after(WRITE_SECONDS):
            await write_message(stream, HopMessage(type=HopMessage.STATUS, status=status))
            await stream.close()

    def _limit(self) -> Limit:
        return Limit(duration=self._terms.seconds, data=self._terms.bytes)

    def _forget(self) -> None:
        """Drop the places of peers that are gone and those that have run out."""
        for peer, (reservation, _) in tuple(self._places.items()):
            if reservation.is_expired() or not self._connections.connected(peer):
                del self._places[peer]

    async def _reserve(self, stream: INetStream, peer: ID) -> None:
        self._forget()
        place = place_of(stream.get_remote_address())
        held = Counter(where for other, (_, where) in self._places.items() if other != peer)
        if held.total() >= self._terms.reservations or held[place] >= PER_PLACE:
            await self._refuse(stream, Status.RESERVATION_REFUSED)
            return
        limits = RelayLimits(
            self._terms.seconds, self._terms.bytes, PER_TARGET, self._terms.reservations, RESERVATION_SECONDS
        )
        reservation = Reservation(peer, limits, self._host)
        reservation.addrs = [address.to_bytes() for address in own_addresses(self._host)]
        self._places[peer] = (reservation, place)
        log.info("relay.reserved", peer=peer.to_base58(), places=len(self._places))
        answer = HopMessage(
            type=HopMessage.STATUS, status=Status.OK, reservation=reservation.to_proto(), limit=self._limit()
        )
        with trio.fail_after(WRITE_SECONDS):
            await write_message(stream, answer)
            await stream.close()

    async def _connect(self, stream: INetStream, source: ID, target: ID) -> None:
        self._forget()
        if target not in self._places or target == source:
            await self._refuse(stream, Status.NO_RESERVATION)
            return
        if (
            self._asking[source] >= PER_PEER
            or self._leading_to[target] >= PER_TARGET
            or self.circuits >= self._terms.circuits
        ):
            await self._refuse(stream, Status.RESOURCE_LIMIT_EXCEEDED)
            return
        self._asking[source] += 1
        self._leading_to[target] += 1
        try:
            other = await self._stop(source, target)
            if other is None:
                await self._refuse(stream, Status.CONNECTION_FAILED)
                return
            try:
                with trio.fail_after(WRITE_SECONDS):
                    answer = HopMessage(type=HopMessage.STATUS, status=Status.OK, limit=self._limit())
                    await write_message(stream, answer)
                await self._circuit(stream, other, source, target)
            finally:
                await reset(other)
                await reset(stream)
        finally:
            for counter, key in ((self._asking, source), (self._leading_to, target)):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]

    async def _stop(self, source: ID, target: ID) -> INetStream | None:
        """A stream to `target`, which takes a connection of `source` on it; None when it does not."""
        stream: INetStream | None = None
        try:
            with trio.fail_after(CONNECT_SECONDS):
                stream = await self._host.new_stream(target, [STOP])
                request = StopMessage(type=StopMessage.CONNECT, limit=self._limit())
                request.peer.id = source.to_bytes()
                await write_message(stream, request)
                answer = await read_message(stream, StopMessage)
                if answer.type == StopMessage.STATUS and answer.status == Status.OK:
                    return stream
        except Exception as error:
            log.debug("relay.stop_failed", peer=target.to_base58(), error=repr(error)[:200])
        except BaseException:
            if stream is not None:
                await reset(stream)
            raise
        if stream is not None:
            await reset(stream)
        return None

    async def _circuit(self, one: INetStream, other: INetStream, source: ID, target: ID) -> None:
        """Pass bytes both ways until both are done, one fails, or the budget is spent."""
        budget = _Budget(self._terms.bytes)
        begun = time.monotonic()
        with trio.move_on_after(self._terms.seconds) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_pass_on, one, other, budget, nursery.cancel_scope)
                nursery.start_soon(_pass_on, other, one, budget, nursery.cancel_scope)
        log.info(
            "relay.circuit_ended",
            source=source.to_base58(),
            target=target.to_base58(),
            bytes=self._terms.bytes - budget.left,
            seconds=round(time.monotonic() - begun, 1),
            limit="seconds" if scope.cancelled_caught else "bytes" if budget.spent else None,
        )


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left
        self.spent = False

    def take(self, count: int) -> bool:
        if count > self.left:
            self.spent = True
            return False
        self.left -= count
        return True


async def _pass_on(come: INetStream, go: INetStream, budget: _Budget, circuit: trio.CancelScope) -> None:
    """Bytes of `come` to `go` until it ends; ends the circuit when it fails or the budget is spent."""
    try:
        while data := await read_some(come, CHUNK):
            if not budget.take(len(data)):
                break
            with trio.fail_after(WRITE_SECONDS):
                await go.write(data)
        else:
            await close_write(go)
            return
    except (StreamError, trio.TooSlowError) as error:
        log.debug("relay.circuit_failed", error=repr(error))
    circuit.cancel()
