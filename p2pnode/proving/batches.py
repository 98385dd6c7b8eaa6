"""Job folders: what the prover is asked, and the proof it left, both checked.

A folder belongs to one batch for ever, so that a job which was interrupted resumes with its finished steps.
`request.json` is written last: a folder without it was never started.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p2pnode.errors import ProtocolError, ProverError
from p2pnode.ports import Proof, ProofTask
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.journal import MAX_COUNT, journal_of, leaf
from p2pnode.protocol.schema import MAX_TENSORS

REQUEST = "request.json"
PROOF = "proof.json"
EXECUTION = "execution.json"
MAX_SEAL = 1024 * 1024
_MAX_JSON = 1024 * 1024
_STEPS = (
    *("run-*.bin", "segment-*.bin", "lift-*.bin", "join-*.bin", "compressed.bin", "wrapped.bin"),
    *("guest.bin", "stdin.bin", "receipt.bin"),
)


def write_job(job: Path, model: Path, tasks: Sequence[ProofTask], po2: int) -> int:
    """Write a job's folder, or find it as it was left; returns the segment size it keeps to.

    Raises ProverError when the folder holds another batch.
    """
    if not 1 <= len(tasks) <= MAX_COUNT:
        raise ProverError(f"batch has {len(tasks)} tasks; give 1 to {MAX_COUNT}")
    try:
        files = {"model.onnx": model.read_bytes()}
        files |= {f"input-{index}.bin": task.tensors for index, task in enumerate(tasks)}
        request = {
            "model": "model.onnx",
            "tasks": [
                {"task_id": task.task_id.hex(), "tensors": f"input-{index}.bin"}
                for index, task in enumerate(tasks)
            ],
        }
        files["po2"] = b"%d" % po2
        files[REQUEST] = json.dumps(request).encode()
        if (job / REQUEST).exists():
            # Another size would cut the run into other segments, and those proved so far be lost.
            files["po2"] = (job / "po2").read_bytes()
            if any((job / name).read_bytes() != content for name, content in files.items()):
                raise ProverError(f"job folder {job} holds another batch; give each batch its own")
        else:
            job.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                write_file(job / name, content)
        return int(files["po2"])
    except (OSError, ValueError) as error:
        raise ProverError(f"job folder {job} cannot be used: {error}; give another folder") from error


def read_outputs(job: Path, result: str, model: Path, tasks: Sequence[ProofTask]) -> tuple[bytes, ...]:
    """Outputs that `result` (execution.json or proof.json) names, once its journal is that of the tasks.

    Raises ProverError when it is for other tasks, another model or other outputs.
    """
    found = _read_json(job / result)
    names = [f"output-{index}.bin" for index in range(len(tasks))]
    if found.get("outputs") != names:
        raise ProverError(
            f"{job / result} names outputs {found.get('outputs')!r:.100}; {len(tasks)} are asked"
        )
    outputs = tuple(read_file(job / name, MAX_TENSORS) for name in names)
    model_digest = hashlib.sha256(read_file(model, None)).digest()
    leaves = [
        leaf(task.task_id, model_digest, content_digest(task.tensors), content_digest(output))
        for task, output in zip(tasks, outputs, strict=True)
    ]
    try:
        expected = journal_of(leaves).encode()
    except ProtocolError as error:
        raise ProverError(f"batch cannot have a journal: {error}") from error
    if _hex(found, "journal", 40) != expected:
        raise ProverError(f"{job / result} is a result for other tasks; its journal is not theirs")
    return outputs


def read_proof(job: Path, model: Path, tasks: Sequence[ProofTask], image_id: bytes) -> Proof:
    """The proof in a job's folder, for these tasks and this image; its seal is not verified here.

    Raises ProverError.
    """
    found = _read_json(job / PROOF)
    if _hex(found, "image_id", 32) != image_id:
        raise ProverError(f"{job / PROOF} is of image {found['image_id']}; this prover's is {image_id.hex()}")
    outputs = read_outputs(job, PROOF, model, tasks)
    return Proof(image_id, _hex(found, "journal", 40), read_file(job / "seal.bin", MAX_SEAL), outputs)


def drop_steps(job: Path) -> None:
    """Remove what only an unfinished job needs; megabytes a step."""
    for pattern in _STEPS:
        for path in job.glob(pattern):
            path.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_file(path: Path, most: int | None) -> bytes:
    """A file of at most `most` bytes. Raises ProverError."""
    try:
        with path.open("rb") as file:
            content = file.read(-1 if most is None else most + 1)
    except OSError as error:
        raise ProverError(f"{path} cannot be read: {error.strerror}; start the job again") from error
    if most is not None and len(content) > most:
        raise ProverError(f"{path} has more than {most} bytes; start the job in a new folder")
    return content


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(path, _MAX_JSON))
    except ValueError as error:
        raise ProverError(f"{path} is not JSON: {error}; start the job in a new folder") from error
    if not isinstance(found, dict):
        raise ProverError(f"{path} is not a JSON object; start the job in a new folder")
    return found


def _hex(found: dict[str, Any], name: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(found[name])
    except (KeyError, TypeError, ValueError):
        value = b""
    if len(value) != size:
        raise ProverError(f"prover's {name} is {found.get(name)!r:.100}; {size} bytes in hex are expected")
    return value
