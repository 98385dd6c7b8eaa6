"""Processes that start at once: each is forked from one that has imported the node's libraries already.

Importing takes a node seconds of CPU, which is most of what a test that kills and restarts nodes would cost.
The standard library's fork server does the work; here it gets pipes and a Trio face.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

import trio

from p2pnode.guardian import end_group_when_stdin_closes

PRELOADED: Final = ("pytest", "p2pnode.cli.main", "p2pnode.cli.run", "benchmarks.soak_node", __name__)
"""One fork server serves the whole process, so it has what all of its users need."""

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(PRELOADED))


@dataclass(frozen=True)
class Forked:
    """A running process with its standard input and output as pipes, leader of its own process group."""

    process: ForkServerProcess
    stdin: trio.lowlevel.FdStream
    stdout: trio.lowlevel.FdStream

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess.Popen` has it; None while the process runs."""
        return self.process.exitcode

    async def wait(self) -> None:
        """Return when the process has ended."""
        if self.returncode is None:
            await trio.lowlevel.wait_readable(self.process.sentinel)
            self.process.join()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, unless it has ended."""
        if self.returncode is None:
            # The fork server knows of an end before we do.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """SIGKILL to the process and all that it started in its group."""
        if self.returncode is None:
            # It has no group of its own yet when it has only just been forked.
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.send_signal(signal.SIGKILL)

    async def end(self, stop_seconds: float = 0) -> None:
        """End the process: SIGTERM and up to `stop_seconds`, then SIGKILL to the group. Pipes stay open, as
        what it said may not have been read."""
        with trio.CancelScope(shield=True):
            if stop_seconds > 0:
                self.send_signal(signal.SIGTERM)
                with trio.move_on_after(stop_seconds):
                    await self.wait()
            self.kill_group()
            await self.wait()

    async def aclose(self, stop_seconds: float = 0) -> None:
        """End the process and close the pipes."""
        with trio.CancelScope(shield=True):
            await self.end(stop_seconds)
            await self.stdin.aclose()
            await self.stdout.aclose()


async def fork(
    main: Callable[..., object],
    *arguments: object,
    stderr: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    guarded: bool = False,
) -> Forked:
    """Call `main`, a function of a module, in a process of its own.

    `stderr` is a file to append to. A `guarded` process ends with all that it started when this one ends,
    however it does; it cannot read its standard input.
    """
    child_stdin, stdin = _CONTEXT.Pipe(duplex=False)
    stdout, child_stdout = _CONTEXT.Pipe(duplex=False)
    pipes = (child_stdin, child_stdout)
    process = _CONTEXT.Process(target=_run, args=(main, arguments, *pipes, stderr, cwd, env, guarded))
    # The first one waits for the imports.
    await trio.to_thread.run_sync(process.start)
    for connection in pipes:
        connection.close()
    return Forked(process, _stream(stdin), _stream(stdout))


def _stream(connection: Connection) -> trio.lowlevel.FdStream:
    with connection:
        return trio.lowlevel.FdStream(os.dup(connection.fileno()))


def _run(
    main: Callable[..., object],
    arguments: tuple[object, ...],
    stdin: Connection,
    stdout: Connection,
    stderr: Path | None,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    guarded: bool,
) -> None:
    os.setpgid(0, 0)
    with stdin, stdout:
        os.dup2(stdin.fileno(), 0)
        os.dup2(stdout.fileno(), 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if stderr is not None:
        with stderr.open("ab") as file:
            os.dup2(file.fileno(), 2)
    if cwd is not None:
        os.chdir(cwd)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    if guarded:
        threading.Thread(target=end_group_when_stdin_closes, daemon=True).start()
    main(*arguments)
