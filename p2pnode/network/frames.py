"""Length-prefixed frames on a stream: `u32be length | bytes`, the length checked before anything is read.

An answer's bytes start with one status byte; 0 is followed by the answer, anything else by a sentence.
"""

from enum import IntEnum
from typing import Protocol

from p2pnode.errors import NetworkError

WRITE_CHUNK = 64 * 1024
MAX_REASON = 512


class Status(IntEnum):
    """First byte of an answer."""

    OK = 0
    TOO_LARGE = 1
    REFUSED = 2
    INTERNAL = 3
    BUSY = 4
    TIMEOUT = 5


class ByteStream(Protocol):
    """What framing needs of a stream."""

    async def read(self, n: int | None = None) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class FrameTooLarge(NetworkError):
    """The peer announced more bytes than we take; none of them was read."""


async def read_frame(stream: ByteStream, limit: int) -> bytes:
    """One frame of at most `limit` bytes. NetworkError when the stream ends before it is complete."""
    length = int.from_bytes(await _read_exactly(stream, 4), "big")
    if length > limit:
        raise FrameTooLarge(f"{length} bytes announced, {limit} allowed")
    return await _read_exactly(stream, length)


async def write_frame(stream: ByteStream, *parts: bytes) -> None:
    """One frame of all `parts`, in writes of at most 64 KiB."""
    header = sum(map(len, parts)).to_bytes(4, "big")
    data = memoryview(b"".join((header, *parts)))
    for start in range(0, len(data), WRITE_CHUNK):
        await stream.write(bytes(data[start : start + WRITE_CHUNK]))


def encode_refusal(status: Status, reason: str) -> bytes:
    """The body of a refusal: its status and a sentence of at most 512 bytes."""
    return bytes([status]) + reason.encode()[:MAX_REASON]


def decode_refusal(frame: bytes) -> str:
    """`code: sentence` of a refusal, safe to show: printable characters only, 512 bytes at most."""
    try:
        code = Status(frame[0]).name.lower().replace("_", "-")
    except ValueError:
        code = f"status {frame[0]}"
    text = frame[1 : 1 + MAX_REASON].decode("utf-8", "replace")
    return f"{code}: " + "".join(c if c.isprintable() else " " for c in text)


async def _read_exactly(stream: ByteStream, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = await stream.read(min(count - len(data), WRITE_CHUNK))
        if not part:
            raise NetworkError(f"the stream ended after {len(data)} of {count} bytes")
        data += part
    return bytes(data)
