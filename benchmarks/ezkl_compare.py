"""Our proofs beside EZKL's: the same float models, the same machine, one run.

    python -m benchmarks.ezkl_compare --ezkl-python VENV/bin/python [--only NAME,NAME] [--prove 64]

EZKL is no dependency of this project: make it an environment of its own (`pip install ezkl==23.0.5`) and
name its Python. Each model goes through EZKL whole (settings, calibration, compile, SRS made locally, set-up,
witness, proof, verification). With `--prove N` our prover also proves its integer form on a batch of N, which
takes minutes; without, only EZKL is measured. Seconds of one run compare; those of another load do not.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trio
from rich.console import Console
from rich.table import Table

from benchmarks.proving import random_inputs
from benchmarks.reference_models import Reference, references, write
from p2pnode.ports import ProofTask
from p2pnode.proving import open_prover

WORKER = Path(__file__).with_name("ezkl_worker.py")
NAMES = ("digits-mlp", "mlp-784-128-10")
SAMPLES = 16


def by_ezkl(python: Path, reference: Reference, model: Path, folder: Path) -> dict[str, Any]:
    """What the worker measured. Its numbers are EZKL's own, of one proof of one inference."""
    samples = folder / "samples.json"
    flat = reference.samples[:SAMPLES].reshape(SAMPLES, -1).astype(np.float64)
    samples.write_text(json.dumps({"input_data": flat.tolist()}))
    command = [str(python), str(WORKER), str(model), str(samples), str(folder)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


async def by_us(model: Path, batch: int, folder: Path) -> dict[str, Any]:
    """A whole proof of `batch` inferences, from the job to the natively verified seal."""
    inputs = random_inputs(model, batch)
    tasks = [ProofTask(index.to_bytes(32, "big"), one) for index, one in enumerate(inputs)]
    async with open_prover() as prover:
        started = time.monotonic()
        proof = await prover.prove(model, tasks, folder / "job", lambda progress: None)
        seconds = time.monotonic() - started
        started = time.monotonic()
        await prover.verify(proof.journal, proof.seal)
        verified = time.monotonic() - started
    stats = json.loads((folder / "job" / "proof.json").read_text())["stats"]
    return {
        "batch": batch,
        "seconds": round(seconds, 1),
        "seconds_per_inference": round(seconds / batch, 2),
        "verify_seconds": round(verified, 3),
        "seal_bytes": len(proof.seal),
        "stats": stats,
    }


def compare(python: Path, names: Sequence[str], batch: int) -> dict[str, dict[str, Any]]:
    """One model after the other, EZKL first; nothing else is started beside them."""
    found: dict[str, dict[str, Any]] = {}
    for reference in (one for one in references() if one.name in names):
        with tempfile.TemporaryDirectory(prefix="p2pnode-ezkl-") as parent:
            folder = Path(parent)
            model, integer = write(reference, folder)
            found[reference.name] = {"ezkl": by_ezkl(python, reference, model, folder)}
            if batch:
                found[reference.name]["p2pnode"] = trio.run(by_us, integer, batch, folder)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ezkl_compare", description="Our proofs beside EZKL's."
    )
    parser.add_argument("--ezkl-python", type=Path, required=True, help="a Python with ezkl installed")
    parser.add_argument("--only", default=",".join(NAMES), help="models, by name")
    parser.add_argument("--prove", type=int, default=0, help="batch that our prover proves; 0: none")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not options.ezkl_python.is_file():
        parser.error(
            f"--ezkl-python: {options.ezkl_python} is no file; make it with `pip install ezkl==23.0.5`"
        )
    found = compare(options.ezkl_python, options.only.split(","), options.prove)
    table = Table("model", "figure", "EZKL", "ours")
    for name, figures in found.items():
        theirs, ours = figures["ezkl"], figures.get("p2pnode", {})
        took = theirs["seconds"]
        steps = ("gen_settings", "calibrate", "compile", "gen_srs", "setup")
        table.add_row(name, "set-up of the model, s", f"{sum(took[step] for step in steps):.1f}", "none")
        proof = f"{took['witness'] + took['prove']:.1f}"
        table.add_row(name, "proof, s an inference", proof, str(ours.get("seconds_per_inference", "-")))
        table.add_row(name, "verification, s", f"{took['verify']:.3f}", str(ours.get("verify_seconds", "-")))
        table.add_row(name, "proof, bytes", str(theirs["proof_bytes"]), str(ours.get("seal_bytes", "-")))
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
