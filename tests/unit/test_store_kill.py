"""What the ledger said it wrote is there after the process is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from p2pnode.store import open_store

WRITER = """
import sys
from pathlib import Path
from p2pnode.store import open_store
with open_store(Path(sys.argv[1])) as store:
    for nonce in range(10**6):
        with store.transaction():
            store.use_nonce(b"\\x01" * 20, nonce)
            digest = store.put_content(nonce.to_bytes(4, "big") * 500)
        print(digest.hex(), flush=True)
"""


@pytest.mark.parametrize("lines", [1, 20, 137])
def test_kill_while_writing(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "ledger.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ, text=True
    ) as writer:
        assert writer.stdout is not None
        written = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        written += [line.strip() for line in writer.stdout if len(line.strip()) == 64]
    with open_store(path) as store:
        for nonce, digest in enumerate(written):
            assert store.content(bytes.fromhex(digest)) == nonce.to_bytes(4, "big") * 500
        found = store.put_content(b"and it still writes")
        assert store.content(found) == b"and it still writes"


def test_a_second_node_cannot_open_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    reader = "import sys; from pathlib import Path; from p2pnode.store import open_store\n"
    reader += "with open_store(Path(sys.argv[1])): pass"
    with open_store(path):
        second = subprocess.run(
            [sys.executable, "-c", reader, str(path)], capture_output=True, text=True, check=False, timeout=60
        )
    assert second.returncode != 0
    assert "cannot be opened: database is locked" in second.stderr
