"""`p2pnode prover`, on the prover that set-up built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from p2pnode.proving.locate import find_prover
from tests.e2e.conftest import ROOT
from tests.unit.built import needs_prover

pytestmark = [pytest.mark.e2e, needs_prover]


def p2pnode(cwd: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "p2pnode", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def test_what_is_built_is_found_and_not_built_again(tmp_path: Path) -> None:
    before = find_prover("").read_bytes()
    (line,) = p2pnode(tmp_path, "prover", "build").splitlines()
    assert line == f"prover: {find_prover('')}"
    assert find_prover("").read_bytes() == before
    status = json.loads(p2pnode(tmp_path, "prover", "status", "--json"))
    committed = (ROOT / "circuits_guest" / "images" / "image_id.txt").read_text().strip()
    assert status["image_id"].removeprefix("0x") == committed
    assert status["path"] == str(find_prover(""))
