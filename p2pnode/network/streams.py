"""Requests and answers over direct streams: one stream a request, half-closed after it.

The other side reads why it was refused: a refusal is an answer with a status (`frames`), also when the
request was too large to be read.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream
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
from p2pnode.ports import Handler

log = structlog.get_logger("p2pnode.network")

READ_SECONDS = 60.0
WRITE_SECONDS = 120.0
HANDLE_SECONDS = 600.0
LINGER_SECONDS = 2.0
LINGER_BYTES = 1 << 20
PER_PEER = 16
TOTAL = 256
REFUSALS = 64
"""Refusals told at once; with more than that waiting to be read, streams are just reset."""

Connect = Callable[[str], Awaitable[None]]
OnOffence = Callable[[str, Offence], None]


class Streams:
    """Serves and sends requests. `connect` makes sure that a peer is connected, or raises NetworkError."""

    def __init__(
        self,
        host: IHost,
        connect: Connect,
        reputation: Reputation,
        on_offence: OnOffence,
        limit: RateLimit,
    ) -> None:
        self._host = host
        self._connect = connect
        self._reputation = reputation
        self._on_offence = on_offence
        self._limit = limit
        self._active: Counter[tuple[str, str]] = Counter()
        self._refusing = 0

    def serve(self, protocol: str, handler: Handler, *, max_request: int) -> None:
        """Answer every request on `protocol`; 16 at once for a peer, 256 in all, and as many a second for a
        peer as the limit gives."""

        async def accept(stream: INetStream) -> None:
            peer = stream.muxed_conn.peer_id.to_base58()
            if self._reputation.refuses(peer):
                await reset(stream)
                return
            if not self._limit.take(peer):
                self._on_offence(peer, Offence.FLOOD)
                await self._refuse(stream, Status.BUSY, "too many requests a second, ask more slowly")
                return
            key = (peer, protocol)
            if self._active[key] >= PER_PEER or self._active.total() >= TOTAL:
                await self._refuse(stream, Status.BUSY, "too many requests at once, try again later")
                return
            self._active[key] += 1
            try:
                await self._answer(stream, peer, protocol, handler, max_request)
            finally:
                self._active[key] -= 1
                if not self._active[key]:
                    del self._active[key]

        self._host.set_stream_handler(TProtocol(protocol), guarded(accept))

    async def _answer(
        self, stream: INetStream, peer: str, protocol: str, handler: Handler, limit: int
    ) -> None:
        try:
            with trio.fail_after(READ_SECONDS):
                request = await read_frame(stream, limit)
        except FrameTooLarge as error:
            log.info("request.too_large", peer=peer, protocol=protocol, error=str(error))
            self._on_offence(peer, Offence.MALFORMED)
            await self._refuse(stream, Status.TOO_LARGE, f"request too large: {error}")
            return
        except trio.TooSlowError:
            self._on_offence(peer, Offence.STALLED)
            await self._refuse(
                stream, Status.TIMEOUT, f"the request did not arrive within {READ_SECONDS:.0f} s"
            )
            return
        try:
            with trio.fail_after(HANDLE_SECONDS):
                response = await handler(peer, request)
        except (ProtocolError, MarketError, NetworkError) as error:
            log.info("request.refused", peer=peer, protocol=protocol, error=str(error))
            await self._refuse(stream, Status.REFUSED, str(error))
            return
        except trio.TooSlowError:
            log.warning("request.timeout", peer=peer, protocol=protocol)
            await self._refuse(stream, Status.TIMEOUT, f"no answer within {HANDLE_SECONDS:.0f} s")
            return
        except Exception:
            # Only these three kinds of error are worded for strangers; others may name paths or keys.
            log.exception("request.failed", peer=peer, protocol=protocol)
            await self._refuse(stream, Status.INTERNAL, "internal error")
            return
        with trio.fail_after(WRITE_SECONDS):
            await write_frame(stream, bytes([Status.OK]), response)
            await stream.close()

    async def _refuse(self, stream: INetStream, status: Status, reason: str) -> None:
        """Send a refusal and stay until the other side has read it: a reset would throw it away."""
        if self._refusing < REFUSALS:
            self._refusing += 1
            try:
                with trio.move_on_after(LINGER_SECONDS):
                    await self._send_refusal(stream, encode_refusal(status, reason))
            finally:
                self._refusing -= 1
        await reset(stream)

    async def _send_refusal(self, stream: INetStream, refusal: bytes) -> None:
        await write_frame(stream, refusal)
        await cast(NetStream, stream).close_write()
        left = LINGER_BYTES
        try:
            while left > 0:
                left -= len(await stream.read(65536)) or left
        except Exception as error:
            log.debug("refusal.read", error=repr(error))

    async def request(
        self, peer: str, protocol: str, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        """Send one request and return its answer; RemoteError holds the reason of a refusal."""
        try:
            with trio.fail_after(timeout):
                await self._connect(peer)
                stream = await self._host.new_stream(ID.from_base58(peer), [TProtocol(protocol)])
                try:
                    frame = await self._exchange(stream, data, 1 + max(max_response, MAX_REASON))
                    await stream.close()
                except BaseException:
                    await reset(stream)
                    raise
        except NetworkError as error:
            raise NetworkError(f"request to {peer} on {protocol} failed: {error}") from error
        except trio.TooSlowError as error:
            raise NetworkError(f"peer {peer} did not answer on {protocol} within {timeout:g} s") from error
        except Exception as error:
            raise NetworkError(f"request to {peer} on {protocol} failed: {_reason(error)}") from error
        if not frame:
            raise NetworkError(f"peer {peer} sent an empty answer on {protocol}")
        if frame[0] != Status.OK:
            raise RemoteError(f"peer {peer} refused on {protocol}: {decode_refusal(frame)}")
        if len(frame) - 1 > max_response:
            raise NetworkError(f"peer {peer} answered {len(frame) - 1} bytes, {max_response} allowed")
        return frame[1:]

    async def _exchange(self, stream: INetStream, data: bytes, limit: int) -> bytes:
        """Write and read at the same time: a peer that refuses a large request does so before its end."""
        outcome: bytes | Exception = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send, stream, data)
            try:
                outcome = await read_frame(stream, limit)
            except FrameTooLarge as error:
                outcome = NetworkError(f"answer too large: {error}")
            except Exception as error:
                # Raised below: out of the nursery it would come as a group.
                outcome = error
            nursery.cancel_scope.cancel()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _send(self, stream: INetStream, data: bytes) -> None:
        try:
            await write_frame(stream, data)
            await cast(NetStream, stream).close_write()
        except Exception as error:
            # The reading side says what happened, with the reason when the peer sent one.
            log.debug("request.write_ended", error=repr(error))


def _reason(error: BaseException) -> str:
    """The innermost message of a library error; many of the outer ones are empty."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    while not str(error) and error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
