"""`p2pnode bootstrap` as an operator runs it: its own process, ended by a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "p2pnode", "bootstrap", "--listen", "/ip4/127.0.0.1/tcp/0", "--json"]


def start(folder: Path) -> tuple["subprocess.Popen[str]", dict[str, object]]:
    process = subprocess.Popen(
        [*COMMAND, "--key", str(folder / "b.key"), "--write-list", str(folder / "peers.txt")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"no line: {process.communicate(timeout=10)[1][-2000:]}")
    found: dict[str, object] = json.loads(line)
    return process, found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_listens_keeps_its_identity_and_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    identities = []
    for _ in range(2):
        process, found = start(tmp_path)
        identities.append(found["peer_id"])
        started = time.monotonic()
        process.send_signal(number)
        _, log = process.communicate(timeout=10)
        assert process.returncode == 0, log
        assert time.monotonic() - started < 5
        assert "Traceback" not in log
    assert identities[0] == identities[1]
    listed = (tmp_path / "peers.txt").read_text().splitlines()
    assert listed[0].startswith("# ")
    assert all(line.endswith(f"/p2p/{identities[0]}") for line in listed[1:])
    assert len(listed) >= 2


def test_an_address_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND[:-3], "--listen", "here", "--key", str(tmp_path / "b.key")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
