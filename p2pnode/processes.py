"""Child processes that never outlive their parent.

Each runs under `p2pnode.guardian` in a process group of its own: whatever ends the parent, SIGKILL included,
ends the group.
"""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import trio

from p2pnode import guardian


@asynccontextmanager
async def guarded(
    command: Sequence[str | Path],
    *,
    stderr: int | IO[bytes],
    stop_seconds: float = 0,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[trio.Process]:
    """A process with its standard output piped, which has ended when the context has.

    One that still runs then gets SIGTERM and has `stop_seconds` to end by itself, before its whole group
    is killed; without `stop_seconds` it is killed at once.
    """
    process = await trio.lowlevel.open_process(
        # -I: neither the environment nor the current folder decides which modules the guardian imports.
        [sys.executable, "-I", guardian.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await _end(process, stop_seconds)


async def lines(process: trio.Process, longest: int) -> AsyncGenerator[bytes, None]:
    """Lines of a process's standard output; one of more than `longest` bytes may come in pieces that are
    longer than that too, so that a line without an end holds no memory."""
    assert process.stdout is not None
    buffer = bytearray()
    while chunk := await process.stdout.receive_some():
        buffer += chunk
        *found, rest = buffer.split(b"\n")
        if len(rest) > longest:
            found, rest = [*found, rest], bytearray()
        for line in found:
            yield bytes(line)
        buffer = bytearray(rest)
    if buffer:
        yield bytes(buffer)


async def _end(process: trio.Process, stop_seconds: float) -> None:
    if process.returncode is None and stop_seconds > 0:
        process.terminate()
        with trio.move_on_after(stop_seconds):
            await process.wait()
    if process.returncode is None:
        # Not yet reaped, so the number of the group is still its own.
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            await pipe.aclose()
