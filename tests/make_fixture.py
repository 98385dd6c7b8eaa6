"""Proves what the tests share: `.venv/bin/python tests/make_fixture.py`. Takes some minutes.

The packaged digits model on the packaged images, for awards whose EIP-712 domain is that of the contracts'
tests: all of them in one segment, whose last step is a lift; and the first image alone in several, whose last
step is the identity program. Writes contracts/test/fixtures/{tasks,awards,batch,identity}.json and
{batch,identity}.seal; to be run again when the guest's image, the model, the seal's format or the control IDs
change, which `make test` notices.
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
from p2pnode.protocol.claim import claim_digest
from p2pnode.protocol.tensors import tensors_digest
from p2pnode.proving import open_prover
from p2pnode.proving.batches import write_job
from p2pnode.proving.locate import LEAST_PO2

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
FIXTURES = CONTRACTS / "test" / "fixtures"
CONTROL_IDS = ROOT / "circuits_guest" / "images" / "control_ids.json"
IDENTITY = "identity.zkr"
ONE_SEGMENT = 19
"""Power of two of cycles: more than the batch has."""


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
    proof = trio.run(_prove, tasks, ONE_SEGMENT)
    (FIXTURES / "batch.seal").write_bytes(proof.seal)
    _write(
        "batch.json",
        {
            "imageId": _hex(proof.image_id),
            "journal": _hex(proof.journal),
            "outputDigests": [_hex(tensors_digest(output)) for output in proof.outputs],
        },
    )
    _prove_identity(tasks[:1])


def _prove_identity(tasks: list[ProofTask]) -> None:
    joined = trio.run(_prove, tasks, trio.run(_small_segments, tasks))
    (FIXTURES / "identity.seal").write_bytes(joined.seal)
    _write(
        "identity.json",
        {
            "program": IDENTITY,
            "controlId": json.loads(CONTROL_IDS.read_text())[IDENTITY],
            "claim": _hex(claim_digest(joined.image_id, joined.journal)),
            "imageId": _hex(joined.image_id),
            "journal": _hex(joined.journal),
        },
    )


async def _small_segments(tasks: list[ProofTask]) -> int:
    """The largest segments, as a power of two of cycles, of which these tasks need several."""
    async with open_prover() as prover:
        for po2 in range(ONE_SEGMENT, LEAST_PO2 - 1, -1):
            with tempfile.TemporaryDirectory() as folder:
                write_job(Path(folder), DIGITS, tasks, po2)
                if (await prover.measure(DIGITS, tasks, Path(folder))).segments > 1:
                    return po2
    raise AssertionError(f"a single task fits into 2^{LEAST_PO2} cycles: add tasks")


async def _prove(tasks: list[ProofTask], segment_po2: int) -> Proof:
    job = Path(tempfile.mkdtemp(prefix="p2pnode-fixture-"))
    write_job(job, DIGITS, tasks, segment_po2)

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
