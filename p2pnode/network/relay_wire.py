"""Messages of circuit relay v2 (libp2p specs, relay/circuit-v2.md): the library's types, under our limits."""

from typing import TypeVar, cast

from google.protobuf.message import Message
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.network.stream.net_stream import NetStream
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.utils import encode_varint_prefixed
from libp2p.utils.varint import read_varint_prefixed_bytes_limited

__all__ = ["HOP", "STOP", "Status", "close_write", "read_message", "read_some", "write_message"]

HOP = TProtocol("/libp2p/circuit/relay/0.2.0/hop")
STOP = TProtocol("/libp2p/circuit/relay/0.2.0/stop")
MAX_MESSAGE = 4096
"""Bytes of one message; a reservation with eight addresses and its voucher is under 1 KiB."""

M = TypeVar("M", HopMessage, StopMessage)


async def read_message(stream: INetStream, kind: type[M]) -> M:
    """One message of at most 4 KiB; raises what the stream or protobuf does."""
    return kind.FromString(await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE))


async def write_message(stream: INetStream, message: Message) -> None:
    """One message with its length in front."""
    await stream.write(encode_varint_prefixed(message.SerializeToString()))


async def read_some(stream: INetStream, count: int) -> bytes:
    """At most `count` bytes; b"" at the end, for which the library raises."""
    try:
        return await stream.read(count)
    except StreamEOF:
        return b""


async def close_write(stream: INetStream) -> None:
    """End our side of `stream`, and leave the other."""
    await cast(NetStream, stream).close_write()
