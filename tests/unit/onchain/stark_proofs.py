"""Where the generator's package is, and the genuine proofs in contracts/test/fixtures."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
sys.path.insert(0, str(CONTRACTS))


@dataclass(frozen=True)
class Proof:
    """A genuine proof: its seal in the contract encoding and as native words, and what the file beside it
    says."""

    name: str
    seal: bytes
    words: list[int]
    known: dict[str, str]


def read_proofs() -> list[Proof]:
    """All of them; a selector before a seal is dropped."""
    from stark import encode
    from stark.circuit import load_circuit
    from stark.layout import Layout

    layout = Layout(load_circuit())
    found = []
    for path in sorted((CONTRACTS / "test" / "fixtures").glob("*.seal")):
        encoded = path.read_bytes()[-layout.length :]
        words = encode.parse_native(encode.swap_digests(encoded, layout), layout)
        found.append(Proof(path.stem, encoded, words, json.loads(path.with_suffix(".json").read_text())))
    return found
