"""Two homes behind the NATs of `nat_lab`: real kernels, real TCP, routers that drop what nobody asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.deep
def test_two_homes_meet_through_a_relay_and_then_directly(tmp_path: Path) -> None:
    device = "ip tuntap add dev probe mode tun"
    allowed = subprocess.run(["unshare", "-rn", *device.split()], capture_output=True, check=False)
    if allowed.returncode != 0:
        pytest.skip(f"no network namespace with a TUN device: {allowed.stderr.decode().strip()[-200:]}")
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "tests.net.nat_lab", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answered"] == 100_000
    assert "relayed" in found["ways"]
    assert "direct" in found["then"]
    assert found["after"] == len("again")
