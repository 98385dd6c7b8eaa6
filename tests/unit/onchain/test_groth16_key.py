"""The Groth16 verification key in Solidity is the one in RISC Zero's published crate."""

from __future__ import annotations

import re
from pathlib import Path

from stark.circuit import crate_source

CONTRACTS = Path(__file__).parents[3] / "contracts"
CRATE = "risc0-groth16-3.0.6-rc.1"


def test_every_constant_is_the_crates() -> None:
    rust = (crate_source(CRATE) / "verifier.rs").read_text()
    theirs = dict(re.findall(r'^const (\w+): &str =\s*"(\d+)";', rust, re.MULTILINE))
    solidity = (CONTRACTS / "contracts" / "groth16" / "Groth16Key.sol").read_text()
    ours = dict(re.findall(r"uint256 internal constant (\w+) =\s*(\d+);", solidity))
    assert len(theirs) == 2 + 3 * 4 + 6 * 2
    assert ours == theirs
