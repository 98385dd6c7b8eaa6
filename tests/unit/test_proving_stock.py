"""RISC Zero's published crates accept what the patched prover makes: segments, lifts and joins.

The seal has parameters of its own: tests/unit/onchain and contracts/test/stark verify it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import ProofTask
from p2pnode.proving.batches import write_job
from p2pnode.proving.locate import find_prover
from tests.unit.built import needs_prover

pytestmark = needs_prover

BUILD = Path(__file__).parents[2] / "circuits_guest" / "build.py"


def prove(job: Path, po2: int) -> None:
    """One digit; the prover leaves every step's receipt in the folder."""
    image = digit_images()[0][0]
    tensors = read_inputs(image, read_model(DIGITS)[1])
    write_job(job, DIGITS, [ProofTask(hashlib.sha256(image.name.encode()).digest(), tensors)], po2)
    subprocess.run(
        [find_prover(""), "prove", "--job", job, "--po2", str(po2)], check=True, stdout=subprocess.DEVNULL
    )


def stock(job: Path) -> subprocess.CompletedProcess[str]:
    """The published crates' verdict; the first call compiles them, which takes a minute."""
    return subprocess.run([sys.executable, BUILD, "stock", job], check=False, capture_output=True, text=True)


def test_stock_verifier_accepts_a_segment_and_nothing_altered(tmp_path: Path) -> None:
    prove(tmp_path, 20)
    verdict = stock(tmp_path)
    assert verdict.returncode == 0, verdict.stderr
    assert json.loads(verdict.stdout) == ["segment-0.bin"]
    file = tmp_path / "segment-0.bin"
    honest = file.read_bytes()
    # In the middle there are the answers to the verifier's queries.
    file.write_bytes(honest[: len(honest) // 2] + bytes(4) + honest[len(honest) // 2 + 4 :])
    refused = stock(tmp_path)
    assert refused.returncode == 1
    assert "segment-0.bin" in refused.stderr


@pytest.mark.deep
def test_stock_verifier_accepts_lifts_and_joins(tmp_path: Path) -> None:
    prove(tmp_path, 16)
    verdict = stock(tmp_path)
    assert verdict.returncode == 0, verdict.stderr
    verified = json.loads(verdict.stdout)
    assert {"segment-1.bin", "lift-1.bin", "join-1.bin"} <= set(verified)
