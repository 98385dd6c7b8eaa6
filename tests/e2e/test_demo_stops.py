"""A demo that is interrupted, killed or asked for the impossible leaves nothing running."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Demo

pytestmark = pytest.mark.e2e

UP_SECONDS = 300
"""For a machine that does much else."""
GONE_SECONDS = 15


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path, ())
    yield demo
    demo.kill()


def run_until(demo: Demo, text: str) -> subprocess.Popen[bytes]:
    """Start the demo; return once it has said `text`."""
    told = demo.folder / "told"
    with told.open("wb") as output:
        process = demo.start(output, output)
    deadline = time.monotonic() + UP_SECONDS
    while text not in told.read_text():
        assert process.poll() is None, told.read_text()
        assert time.monotonic() < deadline, told.read_text()
        time.sleep(0.1)
    return process


def test_ctrl_c_ends_every_process(demo: Demo) -> None:
    process = run_until(demo, "node bob runs")
    assert len(demo.processes()) > 6
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(GONE_SECONDS) == 130
    assert demo.until_gone(GONE_SECONDS) == {}
    assert list((demo.folder / "tmp").iterdir()) == []
    assert "stopped" in (demo.folder / "told").read_text()


def test_killing_the_demo_ends_every_process(demo: Demo) -> None:
    process = run_until(demo, "bootstrap peer")
    assert len(demo.processes()) > 3
    process.kill()
    process.wait()
    assert demo.until_gone(GONE_SECONDS) == {}


def test_a_part_that_dies_ends_the_demo_with_the_reason(demo: Demo) -> None:
    process = run_until(demo, "bootstrap peer")
    victims = [pid for pid, command in demo.processes().items() if "p2pnode bootstrap" in command]
    os.kill(max(victims), signal.SIGKILL)
    assert process.wait(GONE_SECONDS) == 1
    told = (demo.folder / "told").read_text()
    assert "failed: bootstrap ended with exit code" in told
    assert f"every log is in {demo.home}" in told
    assert demo.until_gone(GONE_SECONDS) == {}


def test_a_folder_in_use_is_refused(demo: Demo) -> None:
    demo.home.mkdir()
    (demo.home / "mine.txt").write_text("keep")
    told = demo.folder / "told"
    with told.open("wb") as output:
        assert demo.start(output, output).wait(UP_SECONDS) == 1
    assert "is not empty; give a new folder" in " ".join(told.read_text().split())
    assert (demo.home / "mine.txt").read_text() == "keep"


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listen = f"/ip4/127.0.0.1/tcp/{port}"
        command = [sys.executable, "-m", "p2pnode", "bootstrap", "--key", "node.key", "--listen", listen]
        result = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=UP_SECONDS, check=False
        )
    assert result.returncode == 2, result.stderr
    assert str(port) in result.stderr
