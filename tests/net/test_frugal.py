"""What makes gossip cheap: large reads, few window updates, no check made twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
import trio
import trio.testing
from google.protobuf.message import DecodeError
from libp2p import new_host
from libp2p.abc import INetStream, IRawConnection, ISecureConn
from libp2p.io.exceptions import IncompleteReadError, MessageTooLarge
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.stream_muxer.yamux.yamux import (
    DEFAULT_WINDOW_SIZE,
    HEADER_SIZE,
    TYPE_WINDOW_UPDATE,
    Yamux,
    YamuxStream,
)
from libp2p.utils import encode_varint_prefixed

from p2pnode.network.buffered import BufferedConnection
from p2pnode.network.muxer import CREDIT, MOST_UNREAD, FrugalYamux
from p2pnode.network.router import make_router
from p2pnode.network.rpc_reader import RpcReader


class Pieces:
    """A stream that gives what it has in the pieces it was made of, then b""."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.reads = 0
        self.is_initiator = True

    async def read(self, n: int | None = None) -> bytes:
        self.reads += 1
        assert n is None or all(len(piece) <= n for piece in self.pieces)
        return self.pieces.pop(0) if self.pieces else b""


def rpc(data: bytes) -> bytes:
    message = rpc_pb2.Message(data=data)
    return encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString())


def reader(stream: Pieces, max_size: int = 1 << 20) -> RpcReader:
    return RpcReader(cast(INetStream, stream), max_size)


async def test_rpcs_that_came_together_cost_one_read() -> None:
    stream = Pieces(rpc(b"one") + rpc(bytes(300)) + rpc(b"three"))
    rpcs = reader(stream)
    assert [(await rpcs.next()).publish[0].data for _ in range(3)] == [b"one", bytes(300), b"three"]
    assert stream.reads == 1


async def test_rpc_in_single_bytes_is_put_together() -> None:
    data = rpc(bytes(300)) + rpc(b"next")
    rpcs = reader(Pieces(*(bytes([byte]) for byte in data)))
    assert (await rpcs.next()).publish[0].data == bytes(300)
    assert (await rpcs.next()).publish[0].data == b"next"


async def test_rpc_over_the_limit_is_refused_by_its_length_alone() -> None:
    stream = Pieces(rpc(bytes(2000))[:2])
    with pytest.raises(MessageTooLarge, match="over 1000"):
        await reader(stream, 1000).next()
    for header in (b"\xff\xff\xff\xff\x01", b"\x80\x80\x80\x80\x00"):
        with pytest.raises(MessageTooLarge):
            await reader(Pieces(header)).next()


async def test_broken_rpcs_raise() -> None:
    with pytest.raises(IncompleteReadError):
        await reader(Pieces(rpc(b"half")[:-1])).next()
    with pytest.raises(DecodeError):
        await reader(Pieces(encode_varint_prefixed(b"\xff\xff\xff"))).next()


async def test_buffered_connection_reads_what_is_there_at_once() -> None:
    inner = Pieces(bytes(range(100)), b"end")
    connection = BufferedConnection(cast(IRawConnection, inner))
    assert await connection.read(2) == bytes(range(2))
    assert await connection.read(0) == b""
    assert await connection.read(90) == bytes(range(2, 92))
    assert inner.reads == 1
    # What is left comes before anything is waited for, also when more was asked for.
    assert await connection.read(50) == bytes(range(92, 100))
    assert inner.reads == 1
    assert await connection.read() == b"end"
    assert await connection.read(5) == b""


class Link:
    """One end of a connection, as yamux sees it; counts window updates written to it."""

    def __init__(self, stream: trio.StapledStream, initiator: bool) -> None:
        self._stream = stream
        self.is_initiator = initiator
        self.updates = 0

    async def write(self, data: bytes) -> None:
        plain = len(data) == HEADER_SIZE and data[1] == TYPE_WINDOW_UPDATE and data[2:4] == b"\0\0"
        self.updates += plain
        await self._stream.send_all(data)

    async def read(self, n: int) -> bytes:
        return bytes(await self._stream.receive_some(n))

    async def close(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def connected(kind: type[Yamux]) -> AsyncIterator[tuple[YamuxStream, YamuxStream, Link]]:
    """A stream of two yamux ends, and the link that the second one writes to."""
    links = [Link(end, not place) for place, end in enumerate(trio.testing.memory_stream_pair())]
    one, two = (kind(cast(ISecureConn, link), ID(b"peer"), link.is_initiator) for link in links)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.start)
        nursery.start_soon(two.start)
        await trio.testing.wait_all_tasks_blocked()
        stream = await one.open_stream()
        yield stream, cast(YamuxStream, await two.accept_stream()), links[1]
        nursery.cancel_scope.cancel()


async def updates_for_small_reads(kind: type[Yamux]) -> int:
    with trio.fail_after(10):
        async with connected(kind) as (sender, receiver, link):
            for _ in range(100):
                await sender.write(bytes(20))
                for _ in range(2):
                    await receiver.read(10)
            return link.updates


async def test_row_38_the_library_sends_a_window_update_for_every_read() -> None:
    assert await updates_for_small_reads(Yamux) >= 200
    assert not await updates_for_small_reads(FrugalYamux)


async def test_credit_kept_back_never_stalls_a_sender() -> None:
    size = 32 * CREDIT
    with trio.fail_after(20):
        async with connected(FrugalYamux) as (sender, receiver, _), trio.open_nursery() as nursery:
            nursery.start_soon(sender.write, bytes(size))
            got = 0
            while got < size:
                got += len(await receiver.read(1000))


async def kept_of_a_flood(kind: type[Yamux]) -> int:
    """Bytes that are kept, at most, of what a peer writes that minds no window, on a stream nobody reads."""
    with trio.fail_after(20):
        async with connected(kind) as (sender, receiver, _):
            sender.send_window = 1 << 40
            most = 0
            with suppress(MuxedStreamError, trio.BrokenResourceError, trio.ClosedResourceError):
                for _ in range(4 * MOST_UNREAD >> 16):
                    await sender.write(bytes(1 << 16))
                    await trio.testing.wait_all_tasks_blocked()
                    most = max(most, len(receiver.conn.stream_buffers.get(receiver.stream_id, b"")))
            assert receiver.conn.event_shutting_down.is_set() == (kind is FrugalYamux)
            return most


async def test_row_42_the_library_keeps_what_a_peer_sends_beyond_its_window() -> None:
    assert await kept_of_a_flood(Yamux) == 4 * MOST_UNREAD
    assert MOST_UNREAD - (1 << 16) <= await kept_of_a_flood(FrugalYamux) <= MOST_UNREAD


async def test_a_window_does_not_grow() -> None:
    with trio.fail_after(10):
        async with connected(FrugalYamux) as (sender, receiver, _):
            for _ in range(64):
                await sender.write(bytes(1 << 15))
                await receiver.read(1 << 15)
            assert sender.send_window <= DEFAULT_WINDOW_SIZE


def grafted(router: GossipSub) -> int:
    """How many peers a mesh that has all that it needs takes in besides at a heartbeat."""
    pubsub = Pubsub(new_host(), router)
    peers = [ID(bytes([number])) for number in range(20)]
    pubsub.peer_topics["topic"] = set(peers)
    router.peer_protocol.update(dict.fromkeys(peers, PROTOCOL_ID_V11))
    router.mesh["topic"] = set(peers[: router.degree])
    graft, _ = router.mesh_heartbeat()
    return len(graft)


def test_row_40_opportunistic_grafting_takes_in_everyone() -> None:
    assert grafted(GossipSub([PROTOCOL_ID_V11], 6, 4, 64))
    assert not grafted(make_router())
