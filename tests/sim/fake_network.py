"""Gossip, streams and content in memory; streams are bounded and time out as the real ones do."""

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from p2pnode.errors import BlobError, NetworkError
from p2pnode.ports import Ask, Gossip, Handler, StreamProtocol, Topic


class Killed(BaseException):
    """A node dies here, as by kill -9; raised by a store that injects faults."""


@dataclass
class Weather:
    """How bad the network is: the share of messages that are lost, and the seconds that the others take.

    Peers on different `sides` of a partition do not hear each other.
    """

    loss: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    sides: dict[str, int] = field(default_factory=dict)

    def is_lost(self, sender: str, receiver: str) -> bool:
        """Whether this message does not arrive."""
        apart = self.sides.get(sender, 0) != self.sides.get(receiver, 0)
        return apart or self.rng.random() < self.loss

    def seconds(self) -> float:
        """What this message takes."""
        return self.rng.uniform(*self.delay)


@dataclass
class Traffic:
    """What was sent, counted where it is received: gossip once for each peer that hears it, by topic, and
    requests with their responses, by protocol."""

    messages: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)


class FakeNet:
    """Every bus by its peer; `silent` peers take requests and never answer, `gone` ones are cut off."""

    def __init__(self) -> None:
        self.buses: dict[str, FakeBus] = {}
        self.silent: set[str] = set()
        self.gone: set[str] = set()
        self.weather = Weather()
        self.traffic = Traffic()


class FakeBus:
    """Gossip and streams between the buses of one FakeNet."""

    def __init__(self, net: FakeNet, peer_id: str) -> None:
        self._net = net
        self.peer_id = peer_id
        self.handlers: dict[StreamProtocol, tuple[Handler, int]] = {}
        self._channels: dict[Topic, list[trio.MemorySendChannel[tuple[float, Gossip]]]] = defaultdict(list)
        net.buses[peer_id] = self

    async def publish(self, topic: Topic, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        weather, traffic = self._net.weather, self._net.traffic
        for bus in list(self._net.buses.values()):
            if bus is self or self.peer_id in self._net.gone or weather.is_lost(self.peer_id, bus.peer_id):
                continue
            for channel in bus._channels[topic]:
                due = trio.current_time() + weather.seconds()
                channel.send_nowait((due, Gossip(self.peer_id, data)))
                traffic.messages[topic] += 1
                traffic.bytes[topic] += len(data)

    @asynccontextmanager
    async def subscribe(self, topic: Topic) -> AsyncIterator[AsyncIterator[Gossip]]:
        send, receive = trio.open_memory_channel[tuple[float, Gossip]](10_000)
        self._channels[topic].append(send)
        try:
            yield _when_due(receive)
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
        if self._net.weather.is_lost(self.peer_id, peer):
            raise NetworkError(f"peer {peer} reset the stream")
        await trio.sleep(self._net.weather.seconds())
        self._net.traffic.messages[protocol] += 1
        self._net.traffic.bytes[protocol] += len(data)
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
            self._net.traffic.bytes[protocol] += len(response)
            return response
        raise NetworkError(f"peer {peer} did not answer within {timeout} s")

    def serve_conversations(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        self.serve(protocol, handler, max_request=max_request)

    @asynccontextmanager
    async def converse(
        self, peer: str, protocol: StreamProtocol, *, timeout: float, max_response: int
    ) -> AsyncIterator[Ask]:
        async def ask(data: bytes) -> bytes:
            return await self.request(peer, protocol, data, timeout=timeout, max_response=max_response)

        yield ask

    def peers(self) -> Sequence[str]:
        return [peer for peer in self._net.buses if peer != self.peer_id]


async def _when_due(channel: trio.MemoryReceiveChannel[tuple[float, Gossip]]) -> AsyncIterator[Gossip]:
    async for due, message in channel:
        await trio.sleep_until(due)
        yield message


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
