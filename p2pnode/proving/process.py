"""The prover's subprocess: started, read, and gone when its job is, whatever happens to either."""

import math
import os
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any

import trio

from p2pnode.errors import ProverError
from p2pnode.ports import Progress
from p2pnode.processes import guarded, lines
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
        outcome: Done | Failure | None = None
        try:
            with trio.fail_after(seconds):
                async with (
                    guarded([binary, *arguments], stderr=stderr) as process,
                    aclosing(lines(process, MAX_LINE)) as found,
                ):
                    async for line in found:
                        event = _parsed(line)
                        if not isinstance(event, Progress):
                            outcome = event
                        elif on_progress is not None:
                            on_progress(event)
                    code = await process.wait()
        except trio.TooSlowError:
            raise ProverError(
                f"prover took longer than {seconds:g} s and was stopped; give it more time"
            ) from None
        if isinstance(outcome, Failure):
            raise ProverError(outcome.message)
        if code != 0 or outcome is None:
            raise ProverError(f"prover {_cause(code)}: {_tail(stderr) or 'it gave no reason'}")
        return outcome.result


def _parsed(line: bytes) -> Progress | Done | Failure:
    if len(line) > MAX_LINE:
        raise ProverError(f"prover printed a line of more than {MAX_LINE} bytes; run `p2pnode prover build`")
    return parse_line(line)


def _cause(code: int) -> str:
    if code == 128 + signal.SIGKILL:
        return "was killed, perhaps for want of memory; prove smaller batches"
    if code > 128:
        return f"was ended by signal {code - 128}"
    return f"ended with exit code {code}" if code else "ended without a result"


def _tail(stderr: IO[bytes]) -> str:
    stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _STDERR_KEPT))
    return " ".join(stderr.read().decode(errors="replace").split())
