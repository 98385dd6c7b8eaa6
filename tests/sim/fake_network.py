"""Gossip, streams and content in memory; streams are bounded and time out as the real ones do."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from p2pnode.errors import BlobError, NetworkError
from p2pnode.ports import Gossip, Handler, StreamProtocol, Topic


class Killed(BaseException):
    """A node dies here, as by kill -9; raised by a store that injects faults."""


class FakeNet:
    """Every bus by its peer; `silent` peers take requests and never answer, `gone` ones are cut off."""

    def __init__(self) -> None:
        self.buses: dict[str, FakeBus] = {}
        self.silent: set[str] = set()
        self.gone: set[str] = set()


class FakeBus:
    """Gossip and streams between the buses of one FakeNet."""

    def __init__(self, net: FakeNet, peer_id: str) -> None:
        self._net = net
        self.peer_id = peer_id
        self.handlers: dict[StreamProtocol, tuple[Handler, int]] = {}
        self._channels: dict[Topic, list[trio.MemorySendChannel[Gossip]]] = defaultdict(list)
        net.buses[peer_id] = self

    async def publish(self, topic: Topic, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        for bus in list(self._net.buses.values()):
            if bus is not self and self.peer_id not in self._net.gone:
                for channel in bus._channels[topic]:
                    channel.send_nowait(Gossip(self.peer_id, data))

    @asynccontextmanager
    async def subscribe(self, topic: Topic) -> AsyncIterator[AsyncIterator[Gossip]]:
        send, receive = trio.open_memory_channel[Gossip](10_000)
        self._channels[topic].append(send)
        try:
            yield receive
        finally:
            self._channels[topic].remove(send)

    def serve(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        self.handlers[protocol] = (handler, max_request)

    async def request(
        self, peer: str, protocol: StreamProtocol, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        await trio.lowlevel.checkpoint()
        bus = self._net.buses.get(peer)
        if bus is None or peer in self._net.gone or protocol not in bus.handlers:
            raise NetworkError(f"peer {peer} cannot be reached")
        handler, max_request = bus.handlers[protocol]
        if len(data) > max_request:
            raise NetworkError(f"request has {len(data)} bytes; the peer takes {max_request}")
        with trio.move_on_after(timeout):
            if peer in self._net.silent:
                await trio.sleep_forever()
            try:
                response = await handler(self.peer_id, data)
            except Killed:
                raise NetworkError(f"peer {peer} reset the stream") from None
            if len(response) > max_response:
                raise NetworkError(f"response has {len(response)} bytes; at most {max_response} are read")
            return response
        raise NetworkError(f"peer {peer} did not answer within {timeout} s")

    def peers(self) -> Sequence[str]:
        return [peer for peer in self._net.buses if peer != self.peer_id]


class FakeBlobs:
    """Content that everybody can get at once, kept in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> bytes:
        found = hashlib.sha256(data).digest()
        (self._folder / found.hex()).write_bytes(data)
        return found

    async def get(self, digest: bytes, *, max_size: int, peers: Sequence[str] = ()) -> Path:
        await trio.lowlevel.checkpoint()
        path = self._folder / digest.hex()
        if not path.exists():
            raise BlobError(f"no peer has {digest.hex()}")
        return path

    def has(self, digest: bytes) -> bool:
        return (self._folder / digest.hex()).exists()
