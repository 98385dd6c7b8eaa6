"""Proves the batch that the tests share: `.venv/bin/python tests/make_fixture.py`. Takes some minutes.

The packaged digits model on the packaged images, for awards whose EIP-712 domain is that of the contracts'
tests. Writes contracts/test/fixtures/{tasks,awards,batch}.json and batch.seal; to be run again when the
guest's image, the model or the control IDs change, which `make test` notices.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import trio

from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import Progress, Proof, ProofTask
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.tensors import tensors_digest
from p2pnode.proving import open_prover

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
FIXTURES = CONTRACTS / "test" / "fixtures"


def main() -> None:
    """Everything but the proof takes seconds."""
    info = read_model(DIGITS)[1]
    inputs = [read_inputs(path, info) for path, _ in digit_images()]
    _write(
        "tasks.json",
        {
            "modelDigest": _hex(content_digest(DIGITS.read_bytes())),
            "inputDigests": [_hex(tensors_digest(tensors)) for tensors in inputs],
        },
    )
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["node", "scripts/fixture-awards.ts"], cwd=CONTRACTS, check=True, env={**os.environ, "PATH": path}
    )
    awards = json.loads((FIXTURES / "awards.json").read_text())
    task_ids = [bytes.fromhex(task_id[2:]) for task_id in awards["taskIds"]]
    tasks = [ProofTask(task_id, tensors) for task_id, tensors in zip(task_ids, inputs, strict=True)]
    proof = trio.run(_prove, tasks)
    (FIXTURES / "batch.seal").write_bytes(proof.seal)
    _write(
        "batch.json",
        {
            "imageId": _hex(proof.image_id),
            "journal": _hex(proof.journal),
            "outputDigests": [_hex(tensors_digest(output)) for output in proof.outputs],
        },
    )


async def _prove(tasks: list[ProofTask]) -> Proof:
    job = Path(tempfile.mkdtemp(prefix="p2pnode-fixture-"))

    def show(progress: Progress) -> None:
        print(f"{progress.step} {progress.index}/{progress.total}: {progress.seconds:.0f} s", flush=True)

    async with open_prover() as prover:
        proof = await prover.prove(DIGITS, tasks, job, show)
    shutil.rmtree(job)
    return proof


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _write(name: str, content: object) -> None:
    (FIXTURES / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
