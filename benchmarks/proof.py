"""What one proved and settled batch of sixteen costs, taken from a run of the demo."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path


def measure_proof(picture: Path | None = None) -> Mapping[str, float]:
    """Seconds, cycles, bytes and gas of the demo's batch: its real proof and its real settlement.

    `picture` is where the demo draws its terminal.
    """
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as parent:
        folder = Path(parent) / "demo"
        command = [sys.executable, "-m", "p2pnode", "demo", "--json", "--dir", str(folder)]
        command += ["--save-svg", str(picture)] if picture is not None else []
        summary = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        # The prover's own account of the job lies in the worker's folder.
        stats = json.loads(next(folder.glob("*/jobs/*/proof.json")).read_text())["stats"]
    (batch,) = summary["batches"]
    figures = {
        "tasks": batch["tasks"],
        "segments": stats["segments"],
        "user cycles": stats["user_cycles"],
        "paging cycles": stats["paging_cycles"],
        "total cycles": stats["total_cycles"],
        "execute s": stats["execute_seconds"],
        "prove segments s": stats["prove_seconds"],
        "lift s": stats.get("lift_seconds", 0.0),
        "join s": stats.get("join_seconds", 0.0),
        "wrap under Keccak s": stats["wrap_seconds"],
        "verify natively s": stats["verify_seconds"],
        "proof s in all": batch["prove_seconds"],
        "peak memory MiB": stats["peak_memory"] / 2**20,
        "seal bytes": batch["seal_bytes"],
        "settleBatch gas": batch["gas"],
        "gas a task": summary["gas_per_task"],
    }
    return {name: value if isinstance(value, int) else round(value, 3) for name, value in figures.items()}
