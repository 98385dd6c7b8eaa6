"""`p2pnode bench` proves for real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from p2pnode.models import DIGITS
from tests.unit.built import needs_prover

pytestmark = [pytest.mark.e2e, pytest.mark.deep, needs_prover]


def test_the_machine_is_measured_with_a_proof(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "p2pnode", "bench", DIGITS, "--batch", "1", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert 0.1 < found["khz"] < 10_000
    assert found["proof_seconds"] > 1
    assert found["seal_bytes"] > 100_000
    own, given = found["models"]
    assert (own["name"], own["cycles"]) == (given["name"], given["cycles"])
    assert own["cycles"] >= 1 << 15
    assert int(found["suggested"]["price"]) > 0
    assert 1 <= found["suggested"]["capacity"] <= 1024
