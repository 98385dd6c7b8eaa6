"""The processes of a devnet, and their logs as events. Raises DevnetError."""

import json
import os
import subprocess
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import trio

from p2pnode.errors import DevnetError
from p2pnode.processes import guarded, lines

STOP_SECONDS: Final = 5
"""What a process has to end by itself after SIGTERM."""
_TAIL: Final = 12
"""Lines of a log that an error quotes."""
_MAX_LINE: Final = 1 << 20

OnEvent = Callable[[str, str, Mapping[str, Any]], None]
"""Called with (name of the process, name of the event, fields) for each structured log line."""


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the settings of some other node of the user."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("P2PNODE_") or name == "P2PNODE_PROVER"
    }
    return {**kept, **more}


class Child:
    """A running process and what its log has said so far."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self._first: dict[str, Mapping[str, Any]] = {}
        self._news = trio.Event()

    async def event(self, name: str) -> Mapping[str, Any]:
        """Fields of the first event of that name, now or when it comes."""
        while name not in self._first:
            await self._news.wait()
        return self._first[name]

    def note(self, name: str, fields: Mapping[str, Any]) -> None:
        """Remember an event."""
        self._first.setdefault(name, fields)
        self._news.set()
        self._news = trio.Event()


class Supervisor:
    """Starts processes that last as long as it does; made by `open_supervisor`."""

    def __init__(self, nursery: trio.Nursery, on_event: OnEvent) -> None:
        self._nursery = nursery
        self._on_event = on_event

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str],
        parse: Callable[[str], tuple[str, Mapping[str, Any]] | None] | None = None,
    ) -> Child:
        """Start a process; its output goes to `log`, and `parse` turns a line of it into an event.

        By default an event is a JSON object with an `event`. When the process ends by itself, everything
        ends with the DevnetError that says why.
        """
        child = Child(name, log)
        self._nursery.start_soon(self._run, child, command, cwd, env, parse or _structured)
        return child

    async def _run(
        self,
        child: Child,
        command: Sequence[str | Path],
        cwd: Path,
        env: Mapping[str, str],
        parse: Callable[[str], tuple[str, Mapping[str, Any]] | None],
    ) -> None:
        # Line-buffered, so that the file tells all there is whenever it is read.
        with child.log.open("w", buffering=1, errors="replace") as log:
            async with guarded(
                command, stderr=subprocess.STDOUT, stop_seconds=STOP_SECONDS, cwd=cwd, env=env
            ) as process:
                async with aclosing(text_lines(process)) as found:
                    async for line in found:
                        log.write(line + "\n")
                        child.tail.append(line)
                        event = parse(line)
                        if event is not None:
                            child.note(*event)
                            self._on_event(child.name, *event)
                code = await process.wait()
        said = "\n".join(child.tail)
        raise DevnetError(f"{child.name} ended with exit code {code}; its log is {child.log}:\n{said}")


@asynccontextmanager
async def open_supervisor(on_event: OnEvent) -> AsyncIterator[Supervisor]:
    """Processes started in here get SIGTERM when the context ends, all at once, and SIGKILL 5 s later."""
    async with trio.open_nursery() as nursery:
        yield Supervisor(nursery, on_event)
        nursery.cancel_scope.cancel()


async def text_lines(process: trio.Process) -> AsyncGenerator[str, None]:
    """Lines of a process's standard output."""
    async with aclosing(lines(process, _MAX_LINE)) as found:
        async for line in found:
            yield line.decode(errors="replace")


def _structured(line: str) -> tuple[str, Mapping[str, Any]] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return (str(found["event"]), found) if isinstance(found, dict) and "event" in found else None
