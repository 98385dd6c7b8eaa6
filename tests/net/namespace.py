"""Runs a script in a network namespace of its own, where multicast reaches nobody else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ADDRESS = "10.99.0.1"
_SET_UP = " && ".join(
    [
        "ip link set lo up",
        "ip link add lan0 type veth peer name lan1",
        f"ip addr add {ADDRESS}/24 dev lan0",
        "ip link set lan0 up",
        "ip link set lan1 up",
        "ip route add 224.0.0.0/4 dev lan0",
    ]
)


def run(script: str, *arguments: object) -> str:
    """What `script` prints, run by this Python with an interface at 10.99.0.1; skips where that cannot be."""
    allowed = subprocess.run(["unshare", "-rn", "sh", "-c", _SET_UP], capture_output=True, check=False)
    if allowed.returncode != 0:
        pytest.skip(f"no network namespace with an interface: {allowed.stderr.decode().strip()[-200:]}")
    root = str(Path(__file__).parents[2])
    python = [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)]
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f'{_SET_UP} && exec "$@"', "sh", *python],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
        cwd=root,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
