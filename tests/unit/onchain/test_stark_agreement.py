"""The contract, the prover's native check and the reference verifier give one verdict on altered seals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stark import encode, reference
from stark.circuit import Circuit
from stark.layout import Layout
from stark.reader import InvalidProof

from p2pnode.proving.locate import find_prover
from tests.unit.built import needs_prover
from tests.unit.onchain.corruptions import Corruptor
from tests.unit.onchain.stark_proofs import Proof

CONTRACTS = Path(__file__).parents[3] / "contracts"
SEED = 20_260_101


def contract(folder: Path, claim: str) -> dict[str, str]:
    """Verdict by file name."""
    node = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
        "P2PNODE_SEALS": str(folder),
        "P2PNODE_CLAIM": claim,
    }
    command = ["npx", "hardhat", "run", "--no-compile", "stark/verdicts.ts"]
    output = subprocess.run(
        command, cwd=CONTRACTS, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(output.stdout.splitlines()[-1]))


def native(seal: Path, known: dict[str, str]) -> bool:
    """Whether `p2pnode-prover verify` accepts."""
    command: list[str | Path] = [find_prover(""), "verify", "--seal", seal]
    command += ["--journal", known["journal"], "--image-id", known["imageId"]]
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    assert result.returncode in (0, 1), result.stdout
    assert json.loads(result.stdout.splitlines()[-1])["event"] == ("error" if result.returncode else "done")
    return result.returncode == 0


def ours(seal: bytes, known: dict[str, str], layout: Layout, circuit: Circuit) -> bool:
    """Whether the reference verifier accepts the seal for the known program and claim."""
    try:
        words = encode.parse_native(encode.swap_digests(seal, layout), layout)
        verified = reference.verify(words, circuit)
    except (encode.SealFormatError, InvalidProof):
        return False
    return (
        f"0x{verified.control_id.hex()}" == known["controlId"]
        and f"0x{verified.claim.hex()}" == known["claim"]
    )


@needs_prover
@pytest.mark.parametrize("count", [48, pytest.param(504, marks=pytest.mark.deep)])
def test_three_verifiers_agree(
    proof: Proof, layout: Layout, circuit: Circuit, tmp_path: Path, count: int
) -> None:
    corruptions = dict(
        zip(
            (f"{i:03}.seal" for i in range(count)),
            Corruptor(proof.seal, layout, SEED).take(count),
            strict=True,
        )
    )
    assert len({altered for _, altered in corruptions.values()} | {proof.seal}) == count + 1
    (tmp_path / "genuine.seal").write_bytes(proof.seal)
    for file, (_, altered) in corruptions.items():
        (tmp_path / file).write_bytes(altered)

    verdicts = contract(tmp_path, proof.known["claim"])
    assert verdicts.pop("genuine.seal") == "accepted"
    assert native(tmp_path / "genuine.seal", proof.known)
    assert ours(proof.seal, proof.known, layout, circuit)
    assert verdicts.keys() == corruptions.keys()
    for file, (what, altered) in corruptions.items():
        assert verdicts[file] != "accepted", f"the contract accepts {what}"
        assert not native(tmp_path / file, proof.known), f"the native check accepts {what}"
        assert not ours(altered, proof.known, layout, circuit), f"the reference verifier accepts {what}"
