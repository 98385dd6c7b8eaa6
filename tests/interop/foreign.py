"""Small foreign peers as child processes, built once into the user's cache folder.

A foreign peer reads commands and writes events, one JSON object a line. Commands have `do` and `id`:

    dial address | peers | mesh topic | publish topic data | ping peer | identify peer
    fetch peer digest path | serve path

Events: `{"event": "ready", "peer", "address"}` once, `{"event": "message", "topic", "data", "from"}` for each
gossip message, and for each command `{"event": "done", "id", ...}` or `{"event": "failed", "id", "reason"}`.
Data and digests are hex.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

SOURCES = Path(__file__).parent
BIN = Path(__file__).parents[2] / ".venv" / "bin"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "p2pnode" / "interop"
BUILD_SECONDS = 1500


class Foreign:
    """A running foreign peer."""

    def __init__(self, process: trio.Process, ready: dict[str, Any]) -> None:
        self._process = process
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = trio.Event()
        self._next = 0
        self.peer_id: str = ready["peer"]
        self.address: str = ready["address"]
        self.messages: dict[str, list[tuple[str, bytes]]] = defaultdict(list)

    async def do(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run one command; AssertionError with the peer's reason when it fails."""
        self._next += 1
        number = self._next
        assert self._process.stdin is not None
        await self._process.stdin.send_all(
            json.dumps({"do": name, "id": number, **arguments}).encode() + b"\n"
        )
        while number not in self._answers:
            await self._changed.wait()
        answer = self._answers.pop(number)
        assert answer["event"] == "done", f"{name}: {answer.get('reason')}"
        return answer

    async def wait_message(self, topic: str, data: bytes) -> str:
        """Return who signed `data` on `topic`, once it has arrived."""
        while True:
            for signer, seen in self.messages[topic]:
                if seen == data:
                    return signer
            await self._changed.wait()

    async def wait_mesh(self, topic: str, peer: str) -> None:
        """Return once `peer` is in the foreign peer's mesh."""
        while peer not in (await self.do("mesh", topic=topic))["peers"]:  # noqa: ASYNC110
            await trio.sleep(0.05)

    def take(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        if event["event"] == "message":
            self.messages[event["topic"]].append((event["from"], bytes.fromhex(event["data"])))
        else:
            self._answers[event["id"]] = event
        self._changed.set()
        self._changed = trio.Event()


@asynccontextmanager
async def running(command: Sequence[str | Path], **env: str) -> AsyncIterator[Foreign]:
    """A foreign peer that runs until the context ends; what it writes on stderr goes to the test's."""
    process = await trio.lowlevel.open_process(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **env},
    )
    try:
        with trio.fail_after(20):
            events = _events(process)
            foreign = Foreign(process, await anext(events))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, events, foreign)
            yield foreign
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                await pipe.aclose()


async def _pump(events: AsyncIterator[dict[str, Any]], foreign: Foreign) -> None:
    async for event in events:
        foreign.take(event)


async def _events(process: trio.Process) -> AsyncIterator[dict[str, Any]]:
    assert process.stdout is not None
    buffer = b""
    while data := await process.stdout.receive_some():
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def tool(name: str) -> Path:
    """A tool of `.venv` or of the machine; skips the test where there is none."""
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return Path(found)


@contextmanager
def building(name: str, *sources: str) -> Iterator[tuple[Path, bool]]:
    """The cache folder for a peer built from `sources`, and whether it has been built already.

    Named by what it is built from, so that a change builds anew; one builder at a time.
    """
    hasher = hashlib.sha256()
    for source in sources:
        hasher.update((SOURCES / name / source).read_bytes())
    folder = CACHE / f"{name}-{hasher.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder, (folder / "built").exists()


def build(folder: Path, command: Sequence[str | Path], cwd: Path, **env: str) -> None:
    """Run one build command; skips the test, with its last words, when the packages cannot be had."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"{command[0]} could not build the peer: {done.stderr.strip()[-300:]}")
    (folder / "built").touch()
