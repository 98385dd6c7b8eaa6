"""Many requests on one stream, one after the other: what opening a stream costs is paid once.

Frames, statuses and limits are those of `streams`; a refusal ends the stream.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID

from p2pnode.errors import MarketError, NetworkError, ProtocolError, RemoteError
from p2pnode.network.frames import (
    MAX_REASON,
    FrameTooLarge,
    Status,
    decode_refusal,
    encode_refusal,
    read_frame,
    write_frame,
)
from p2pnode.network.guard import guarded, reset
from p2pnode.network.limits import RateLimit
from p2pnode.network.reputation import Offence, Reputation
from p2pnode.network.streams import HANDLE_SECONDS, WRITE_SECONDS, Connect, OnOffence
from p2pnode.ports import Ask, Handler

log = structlog.get_logger("p2pnode.network")

IDLE_SECONDS = 300.0
"""A stream on which nothing was asked for so long is closed; the peer opens another."""
PER_PEER = 8
TOTAL = 256
"""Streams at once; with more, the one on which nothing was asked for longest makes room."""


class Conversations:
    """Serves and opens streams with many requests. `asked` bounds the requests a second of one peer."""

    def __init__(
        self, host: IHost, connect: Connect, reputation: Reputation, on_offence: OnOffence, asked: RateLimit
    ) -> None:
        self._host = host
        self._connect = connect
        self._reputation = reputation
        self._on_offence = on_offence
        self._asked = asked
        self._active: Counter[str] = Counter()
        self._waiting: OrderedDict[INetStream, tuple[str, trio.CancelScope]] = OrderedDict()
        """Streams that wait for a request, with their peers, the longest wait first."""

    def serve(self, protocol: str, handler: Handler, *, max_request: int) -> None:
        """Answer the requests of every stream on `protocol`; 8 streams at once for a peer, 256 in all;
        one more takes the place of a silent one."""

        async def accept(stream: INetStream) -> None:
            peer = stream.muxed_conn.peer_id.to_base58()
            if self._reputation.refuses(peer):
                await reset(stream)
                return
            if not self._has_room(peer):
                await _refuse(stream, Status.BUSY, "too many streams at once, try again later")
                return
            self._active[peer] += 1
            try:
                while await self._answer_one(stream, peer, protocol, handler, max_request):
                    pass
            finally:
                self._active[peer] -= 1
                if not self._active[peer]:
                    del self._active[peer]

        self._host.set_stream_handler(TProtocol(protocol), guarded(accept))

    def _has_room(self, peer: str) -> bool:
        """Whether there is a place, at the cost of the stream that has been silent longest if need be.

        Streams cost nothing, so whoever holds many in silence must not keep others out. A peer whose stream
        is taken opens another with its next request.
        """
        if self._active[peer] >= PER_PEER:
            silent = next((one for one, (owner, _) in self._waiting.items() if owner == peer), None)
        elif self._active.total() >= TOTAL:
            silent = next(iter(self._waiting), None)
        else:
            return True
        if silent is None:
            return False
        _, scope = self._waiting.pop(silent)
        scope.cancel()
        return True

    async def _request(self, stream: INetStream, peer: str, limit: int) -> bytes | None:
        """The next request, None when the stream's place was taken."""
        with trio.CancelScope() as scope:
            self._waiting[stream] = peer, scope
            try:
                with trio.fail_after(IDLE_SECONDS):
                    return await read_frame(stream, limit)
            finally:
                self._waiting.pop(stream, None)
        return None

    async def _answer_one(
        self, stream: INetStream, peer: str, protocol: str, handler: Handler, limit: int
    ) -> bool:
        """Answer the next request; whether there may be another."""
        try:
            request = await self._request(stream, peer, limit)
        except FrameTooLarge as error:
            self._on_offence(peer, Offence.MALFORMED)
            return await _refuse(stream, Status.TOO_LARGE, f"request too large: {error}")
        except trio.TooSlowError:
            return await _refuse(stream, Status.TIMEOUT, f"nothing was asked for {IDLE_SECONDS:.0f} s")
        except Exception as error:
            # The usual end: the peer has closed the stream.
            log.debug("conversation.ended", peer=peer, protocol=protocol, error=repr(error))
            await reset(stream)
            return False
        if request is None:
            return await _refuse(stream, Status.BUSY, "others need the place of this stream; open another")
        if not self._asked.take(peer):
            self._on_offence(peer, Offence.FLOOD)
            return await _refuse(stream, Status.BUSY, "too many requests a second, ask more slowly")
        try:
            with trio.fail_after(HANDLE_SECONDS):
                response = await handler(peer, request)
        except (ProtocolError, MarketError, NetworkError) as error:
            log.info("request.refused", peer=peer, protocol=protocol, error=str(error))
            return await _refuse(stream, Status.REFUSED, str(error))
        except trio.TooSlowError:
            return await _refuse(stream, Status.TIMEOUT, f"no answer within {HANDLE_SECONDS:.0f} s")
        except Exception:
            # Only these three kinds of error are worded for strangers; others may name paths or keys.
            log.exception("request.failed", peer=peer, protocol=protocol)
            return await _refuse(stream, Status.INTERNAL, "internal error")
        with trio.fail_after(WRITE_SECONDS):
            await write_frame(stream, bytes([Status.OK]), response)
        return True

    @asynccontextmanager
    async def open(
        self, peer: str, protocol: str, *, timeout: float, max_response: int
    ) -> AsyncIterator[Ask]:
        """A stream to `peer` for requests one at a time; RemoteError holds the reason of a refusal."""
        try:
            with trio.fail_after(timeout):
                await self._connect(peer)
                stream = await self._host.new_stream(ID.from_base58(peer), [TProtocol(protocol)])
        except Exception as error:
            raise NetworkError(f"no stream to {peer} on {protocol}: {error or repr(error)}") from error

        async def ask(data: bytes) -> bytes:
            try:
                with trio.fail_after(timeout):
                    await write_frame(stream, data)
                    frame = await read_frame(stream, 1 + max(max_response, MAX_REASON))
            except trio.TooSlowError as error:
                raise NetworkError(f"peer {peer} did not answer on {protocol} in {timeout:g} s") from error
            except Exception as error:
                raise NetworkError(
                    f"request to {peer} on {protocol} failed: {error or repr(error)}"
                ) from error
            if not frame:
                raise NetworkError(f"peer {peer} sent an empty answer on {protocol}")
            if frame[0] != Status.OK:
                raise RemoteError(f"peer {peer} refused on {protocol}: {decode_refusal(frame)}")
            return frame[1:]

        try:
            yield ask
        finally:
            await reset(stream)


async def _refuse(stream: INetStream, status: Status, reason: str) -> bool:
    """Say why, and end the stream: no request comes after this one."""
    with trio.move_on_after(1):
        await write_frame(stream, encode_refusal(status, reason))
        await stream.close()
    await reset(stream)
    return False
