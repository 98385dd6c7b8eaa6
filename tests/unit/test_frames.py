"""Frames of requests and answers, and refusals."""

import pytest

from p2pnode.errors import NetworkError
from p2pnode.network.frames import (
    FrameTooLarge,
    Status,
    decode_refusal,
    encode_refusal,
    read_frame,
    write_frame,
)


class Pipe:
    """A stream that hands out what it was given, `step` bytes at a time."""

    def __init__(self, data: bytes = b"", step: int = 3) -> None:
        self.data = data
        self.step = step
        self.written: list[bytes] = []

    async def read(self, n: int | None = None) -> bytes:
        size = min(self.step, n if n is not None else self.step)
        part, self.data = self.data[:size], self.data[size:]
        return part

    async def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 1000])
async def test_frame_round_trip(body: bytes) -> None:
    out = Pipe()
    await write_frame(out, body[:5], body[5:])
    assert all(len(part) <= 65536 for part in out.written)
    assert await read_frame(Pipe(b"".join(out.written), step=1000), len(body)) == body


@pytest.mark.parametrize("cut", range(8))
async def test_frame_that_is_cut_off(cut: int) -> None:
    with pytest.raises(NetworkError, match="the stream ended after"):
        await read_frame(Pipe((4).to_bytes(4, "big") + b"full"[: cut - 4] if cut >= 4 else bytes(cut)), 10)


async def test_frame_over_the_limit_is_not_read() -> None:
    pipe = Pipe((11).to_bytes(4, "big") + b"never read.", step=100)
    with pytest.raises(FrameTooLarge, match="11 bytes announced, 10 allowed"):
        await read_frame(pipe, 10)
    assert pipe.data == b"never read."


def test_refusals_are_short_and_printable() -> None:
    assert decode_refusal(encode_refusal(Status.TOO_LARGE, "no")) == "too-large: no"
    assert decode_refusal(b"\x63\x1b[31m\xff") == "status 99:  [31m\ufffd"
    assert len(encode_refusal(Status.REFUSED, "x" * 10_000)) == 513
