"""The library's own warnings stay out of the structured log."""

import subprocess
import sys

SCRIPT = """
import logging
import {module}
logging.getLogger("libp2p.kad_dht").warning("Failed to read DHT message from stream: ")
"""


def stderr_of(module: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT.format(module=module)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr


def test_libp2p_warns_on_stderr_by_itself() -> None:
    assert "Failed to read DHT message" in stderr_of("libp2p")


def test_libp2p_is_silent_in_a_node() -> None:
    assert stderr_of("p2pnode.network") == ""
