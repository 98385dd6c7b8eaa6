"""The prover's subprocess: started, read, and gone when its job is, whatever happens to either."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
    process = await trio.lowlevel.open_process(
        # -I: neither the environment nor the current folder decides which modules the guardian imports.
        [sys.executable, "-I", guardian.__file__, binary, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    stderr = bytearray()
    outcome: Done | Failure | None = None
    try:
        with trio.fail_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_keep_tail, process, stderr)
                async for line in _lines(process):
                    event = parse_line(line)
                    if isinstance(event, Progress):
                        if on_progress is not None:
                            on_progress(event)
                    else:
                        outcome = event
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
        raise ProverError(f"prover {_cause(code)}: {_text(stderr) or 'it gave no reason'}")
    return outcome.result


async def _end(process: trio.Process) -> None:
    """Kill the group while its leader is not yet reaped, so that its number is still its own."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            await pipe.aclose()


async def _lines(process: trio.Process) -> AsyncIterator[bytes]:
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


async def _keep_tail(process: trio.Process, kept: bytearray) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.receive_some():
        kept += chunk
        del kept[:-_STDERR_KEPT]


def _cause(code: int) -> str:
    if code == 128 + signal.SIGKILL:
        return "was killed, perhaps for want of memory; prove smaller batches"
    if code > 128:
        return f"was ended by signal {code - 128}"
    return f"ended with exit code {code}" if code else "ended without a result"


def _text(stderr: bytes | bytearray) -> str:
    return " ".join(bytes(stderr).decode(errors="replace").split())
