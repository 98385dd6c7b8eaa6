"""The prover's subprocess: started, read, and gone when its job is, whatever happens to either."""

import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any

import trio

from p2pnode.errors import ProverError
from p2pnode.ports import Progress
from p2pnode.proving import guardian
from p2pnode.proving.progress import MAX_LINE, Done, Failure, parse_line

_STDERR_KEPT = 2000
"""Bytes of the end of stderr that an error quotes: a panic's message."""


async def run_prover(
    binary: Path,
    arguments: Sequence[str | Path],
    *,
    seconds: float = math.inf,
    on_progress: Callable[[Progress], None] | None = None,
) -> Mapping[str, Any]:
    """Run one subcommand and return what its `done` line holds.

    Raises ProverError when it fails, takes longer than `seconds`, or prints anything but its events. When
    cancelled, and when `on_progress` raises, the whole process group is killed first.
    """
    # stderr goes to a file: nothing has to read it while the prover runs, and its end is there afterwards.
    with tempfile.TemporaryFile() as stderr:
        process = await trio.lowlevel.open_process(
            # -I: neither the environment nor the current folder decides which modules the guardian imports.
            [sys.executable, "-I", guardian.__file__, binary, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        outcome: Done | Failure | None = None
        try:
            with trio.fail_after(seconds):
                async with aclosing(_lines(process)) as lines:
                    async for line in lines:
                        event = parse_line(line)
                        if not isinstance(event, Progress):
                            outcome = event
                        elif on_progress is not None:
                            on_progress(event)
                code = await process.wait()
        except trio.TooSlowError:
            raise ProverError(
                f"prover took longer than {seconds:g} s and was stopped; give it more time"
            ) from None
        finally:
            with trio.CancelScope(shield=True):
                await _end(process)
        if isinstance(outcome, Failure):
            raise ProverError(outcome.message)
        if code != 0 or outcome is None:
            raise ProverError(f"prover {_cause(code)}: {_tail(stderr) or 'it gave no reason'}")
        return outcome.result


async def _end(process: trio.Process) -> None:
    """Kill the group while its leader is not yet reaped, so that its number is still its own."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            await pipe.aclose()


async def _lines(process: trio.Process) -> AsyncGenerator[bytes, None]:
    assert process.stdout is not None
    buffer = bytearray()
    while chunk := await process.stdout.receive_some():
        buffer += chunk
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            yield bytes(line)
        buffer = bytearray(rest)
        if len(buffer) > MAX_LINE:
            raise ProverError(f"prover printed a line of more than {MAX_LINE} bytes; run `make setup`")
    if buffer:
        yield bytes(buffer)


def _cause(code: int) -> str:
    if code == 128 + signal.SIGKILL:
        return "was killed, perhaps for want of memory; prove smaller batches"
    if code > 128:
        return f"was ended by signal {code - 128}"
    return f"ended with exit code {code}" if code else "ended without a result"


def _tail(stderr: IO[bytes]) -> str:
    stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _STDERR_KEPT))
    return " ".join(stderr.read().decode(errors="replace").split())
