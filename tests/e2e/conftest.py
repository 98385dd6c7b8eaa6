"""The demo as a user starts it, once for the whole session: its proof takes minutes."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

import p2pnode
from tests.e2e.api_network import MODEL, ApiNetwork, digit, open_api_network

ROOT = Path(__file__).parents[2]
MARK = "DEMO_TEST_MARK"
PICTURE = "demo.svg"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: starts every part as its own process")


@dataclass
class Demo:
    """A `p2pnode demo` process. Every process it starts carries `mark` in its environment."""

    folder: Path
    arguments: tuple[str, ...]
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def home(self) -> Path:
        """The folder that everything belongs in."""
        return self.folder / "demo"

    def start(self, stdout: IO[bytes], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        for name in ("tmp", "cwd"):
            (self.folder / name).mkdir()
        return subprocess.Popen(
            [sys.executable, "-m", "p2pnode", "demo", "--dir", str(self.home), *self.arguments],
            cwd=self.folder / "cwd",
            env={**os.environ, MARK: self.mark, "TMPDIR": str(self.folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # Signals of the test's own terminal are not the test's.
            start_new_session=True,
        )

    def processes(self) -> dict[int, str]:
        """What of this demo still runs, by process ID."""
        wanted, found = f"{MARK}={self.mark}".encode(), {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def until_gone(self, seconds: float) -> dict[int, str]:
        """Wait until none of its processes is left; what is left after `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def kill(self) -> None:
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@dataclass(frozen=True)
class Finished:
    """A demo that ran to its end."""

    demo: Demo
    code: int
    summary: Mapping[str, Any]
    told: str
    deployments: tuple[list[str], list[str]]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """`p2pnode demo --json`, with its real proof."""
    folder = tmp_path_factory.mktemp("d")
    demo = Demo(folder, ("--json", "--save-svg", str(folder / PICTURE)))
    output, errors = demo.folder / "stdout", demo.folder / "stderr"
    try:
        before = ignition()
        with output.open("wb") as stdout, errors.open("wb") as stderr:
            code = demo.start(stdout, stderr).wait()
        told = errors.read_text()
        assert code == 0, told
        yield Finished(demo, code, json.loads(output.read_text()), told, (before, ignition()))
    finally:
        demo.kill()


def ignition() -> list[str]:
    """Journals of deployments in the checkout."""
    return sorted(path.name for path in (ROOT / "contracts" / "ignition" / "deployments").glob("*"))


@pytest.fixture(scope="session")
def api_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNetwork]:
    """A requester with its API, a worker and a model's owner, each its own process."""
    with open_api_network(tmp_path_factory.mktemp("a") / "net") as network:
        yield network


@pytest.fixture(scope="session")
def settled(api_network: ApiNetwork) -> p2pnode.Inference:
    """One inference that was proved and paid, bought with the client of a program without a loop."""
    with p2pnode.SyncClient(api_network.url, token_file=api_network.token_file, progress=False) as node:
        return node.infer(MODEL, digit()[0], wait="settled")
