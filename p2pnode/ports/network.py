"""Gossip, streams and content between peers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Topic(StrEnum):
    """Gossip topics."""

    OFFERS = "/p2pnode/1/offers"
    MODELS = "/p2pnode/1/models"
    NODES = "/p2pnode/1/nodes"
    RECEIPTS = "/p2pnode/1/receipts"
    RELAYS = "/p2pnode/1/relays"


class StreamProtocol(StrEnum):
    """Protocols of direct streams."""

    BID = "/p2pnode/bid/1"
    TASK = "/p2pnode/task/1"
    BLOB = "/p2pnode/blob/1"
    RELAY = "/p2pnode/relay/1"
    SESSION = "/p2pnode/session/1"


@dataclass(frozen=True, slots=True)
class Gossip:
    """One gossip message: who signed it on the libp2p layer, and its bytes."""

    peer: str
    data: bytes


class Standing(Protocol):
    """Who has something to lose: gossip of anyone else is relayed at a low rate only."""

    def backer(self, topic: Topic, peer: str, data: bytes) -> str | None:
        """Who loses something if the message is bad: `peer`, which signed it, when that has a stake, or the
        account with funds that `data` is signed by, in hex. None: nobody.

        Asked for nearly every message, on the node's one thread: answers from memory and never raises. The
        message is not checked yet, so `data` may be anything.
        """


Handler = Callable[[str, bytes], Awaitable[bytes]]
"""Answers one request: (peer that asked, request bytes) -> response bytes."""

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends the next request of a conversation and returns its response. Raises NetworkError."""


class Bus(Protocol):
    """Gossip and request/response streams. Raises NetworkError only."""

    @property
    def peer_id(self) -> str: ...

    async def publish(self, topic: Topic, data: bytes) -> None:
        """Gossip `data`; paced so that no mesh peer's queue overflows."""

    def subscribe(self, topic: Topic) -> AbstractAsyncContextManager[AsyncIterator[Gossip]]:
        """Messages of other peers on `topic`, each once, from entering the context on."""

    def serve(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        """Answer every request on `protocol`. What the handler raises is logged and ends that stream."""

    async def request(
        self, peer: str, protocol: StreamProtocol, data: bytes, *, timeout: float, max_response: int
    ) -> bytes:
        """Send one request to `peer` (dialled if need be) and return its one response."""

    def serve_conversations(self, protocol: StreamProtocol, handler: Handler, *, max_request: int) -> None:
        """As `serve`, for streams on which one request follows another. What the handler raises is told to
        the peer and ends that stream."""

    def converse(
        self, peer: str, protocol: StreamProtocol, *, timeout: float, max_response: int
    ) -> AbstractAsyncContextManager[Ask]:
        """One stream to `peer` for many requests, one at a time, each answered within `timeout` seconds."""

    def peers(self) -> Sequence[str]:
        """Peers connected now."""


class Blobs(Protocol):
    """Content by SHA-256 digest. Raises BlobError."""

    async def put(self, data: bytes) -> bytes:
        """Keep `data`, serve it to peers, announce it in the DHT; returns its digest."""

    async def get(self, digest: bytes, *, max_size: int, peers: Sequence[str] = ()) -> Path:
        """Path of the content: from the cache, else from `peers`, else from the DHT's providers."""

    def has(self, digest: bytes) -> bool: ...
