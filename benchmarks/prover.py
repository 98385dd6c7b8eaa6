"""Two builds of the prover against each other: the same batch, in turns, in processor seconds."""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import ProofTask
from p2pnode.proving.batches import write_job
from p2pnode.proving.locate import find_prover

PO2 = 20


def measure_prover(other: Path | None = None, tasks: int = 16, rounds: int = 2) -> Mapping[str, float]:
    """Best of `rounds` for this checkout's prover and, when given, for another build, say of an older commit.

    Processor seconds of all threads, as other work on the machine disturbs them least; wall seconds beside.
    """
    provers = {"this": find_prover(""), **({"other": other} if other is not None else {})}
    runs: dict[str, list[Mapping[str, float]]] = {name: [] for name in provers}
    for _ in range(rounds):
        for name, binary in provers.items():
            runs[name].append(_prove(binary, _digits(tasks)))
    figures = {
        f"{name} {figure}": round(min(run[figure] for run in found), 2)
        for name, found in runs.items()
        for figure in found[0]
    }
    if other is not None:
        ratio = figures["other processor s"] / figures["this processor s"]
        figures["other takes times as long"] = round(ratio, 2)
    return figures


def _digits(count: int) -> Sequence[ProofTask]:
    info = read_model(DIGITS)[1]
    return [
        ProofTask(hashlib.sha256(path.name.encode()).digest(), read_inputs(path, info))
        for path, _ in digit_images()[:count]
    ]


def _prove(binary: Path, tasks: Sequence[ProofTask]) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="p2pnode-bench-") as folder:
        job = Path(folder) / "job"
        write_job(job, DIGITS, tasks, PO2)
        command = [str(binary), "prove", "--job", str(job), "--po2", str(PO2)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        stats = json.loads((job / "proof.json").read_text())["stats"]
    return {
        "processor s": usage.ru_utime + usage.ru_stime,
        "segments s": stats["prove_seconds"],
        "wrap s": stats["wrap_seconds"],
        "peak memory MiB": stats["peak_memory"] / 2**20,
    }
