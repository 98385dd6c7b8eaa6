"""Job folders: written whole, kept to one batch, and read only when the result is that batch's."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from p2pnode.errors import ProverError
from p2pnode.models import DIGITS
from p2pnode.ports import ProofTask
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.tensors import encode_tensors, tensors_digest
from p2pnode.proving.batches import drop_steps, read_outputs, read_proof, write_job

IMAGE_ID = bytes(range(32))
OUTPUTS = [encode_tensors({"logits": np.full((1, 10), i, np.int32)}) for i in range(3)]


def batch(count: int = 3) -> list[ProofTask]:
    return [
        ProofTask(bytes([i]) * 32, encode_tensors({"image": np.full((1, 64), i, np.uint8)}))
        for i in range(count)
    ]


def journal(tasks: list[ProofTask]) -> bytes:
    model = hashlib.sha256(DIGITS.read_bytes()).digest()
    pairs = zip(tasks, OUTPUTS, strict=False)
    return journal_of(
        [leaf(t.task_id, model, tensors_digest(t.tensors), tensors_digest(o)) for t, o in pairs]
    ).encode()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with the result of `batch()`."""
    folder = tmp_path / "job"
    write_job(folder, DIGITS, batch(), 17)
    names = [f"output-{i}.bin" for i in range(3)]
    for name, output in zip(names, OUTPUTS, strict=True):
        (folder / name).write_bytes(output)
    (folder / "seal.bin").write_bytes(b"seal")
    found = {
        "image_id": IMAGE_ID.hex(),
        "journal": journal(batch()).hex(),
        "seal": "seal.bin",
        "outputs": names,
    }
    (folder / "proof.json").write_text(json.dumps(found))
    return folder


def change(job: Path, **fields: object) -> None:
    path = job / "proof.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_request_is_what_the_prover_reads(tmp_path: Path) -> None:
    tasks = batch()
    write_job(tmp_path / "a" / "job", DIGITS, tasks, 17)
    request = json.loads((tmp_path / "a" / "job" / "request.json").read_text())
    assert set(request) == {"model", "tasks"}
    assert (tmp_path / "a" / "job" / request["model"]).read_bytes() == DIGITS.read_bytes()
    for task, asked in zip(tasks, request["tasks"], strict=True):
        assert asked["task_id"] == task.task_id.hex()
        assert (tmp_path / "a" / "job" / asked["tensors"]).read_bytes() == task.tensors
    assert not list((tmp_path / "a" / "job").glob("*.partial"))


def test_a_job_keeps_its_segment_size(tmp_path: Path) -> None:
    assert write_job(tmp_path, DIGITS, batch(), 19) == 19
    assert write_job(tmp_path, DIGITS, batch(), 15) == 19


def test_a_folder_that_was_not_finished_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "input-0.bin").write_bytes(b"half")
    assert write_job(tmp_path, DIGITS, batch(), 16) == 16
    assert (tmp_path / "input-0.bin").read_bytes() == batch()[0].tensors


def test_another_batch_is_refused(tmp_path: Path) -> None:
    write_job(tmp_path, DIGITS, batch(), 17)
    tasks = batch()
    other = ProofTask(tasks[0].task_id, tasks[1].tensors)
    for wrong in (tasks[:2], batch(4), [tasks[1], tasks[0], tasks[2]], [other, *tasks[1:]]):
        with pytest.raises(ProverError, match=r"holds another batch|cannot be used"):
            write_job(tmp_path, DIGITS, wrong, 17)
    model = tmp_path / "other.onnx"
    model.write_bytes(b"x")
    with pytest.raises(ProverError, match="holds another batch"):
        write_job(tmp_path, model, tasks, 17)


@pytest.mark.parametrize("count", [0, 1025])
def test_batch_size_is_bounded(tmp_path: Path, count: int) -> None:
    with pytest.raises(ProverError, match=f"batch has {count} tasks; give 1 to 1024"):
        write_job(tmp_path, DIGITS, batch(1) * count, 17)
    assert not list(tmp_path.iterdir())


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProverError, match=r"gone\.onnx"):
        write_job(tmp_path, tmp_path / "gone.onnx", batch(), 17)


def test_proof_of_the_batch_is_read(job: Path) -> None:
    proof = read_proof(job, DIGITS, batch(), IMAGE_ID)
    assert proof.journal == journal(batch())
    assert proof.seal == b"seal"
    assert proof.outputs == tuple(OUTPUTS)


def test_proof_for_other_tasks_is_refused(job: Path) -> None:
    tasks = batch()
    for wrong in (list(reversed(tasks)), [*tasks[:2], tasks[0]]):
        with pytest.raises(ProverError, match="a result for other tasks"):
            read_proof(job, DIGITS, wrong, IMAGE_ID)
    with pytest.raises(ProverError, match="names outputs"):
        read_proof(job, DIGITS, tasks[:2], IMAGE_ID)


def test_proof_with_one_changed_output_is_refused(job: Path) -> None:
    output = bytearray(OUTPUTS[1])
    output[-1] ^= 1
    (job / "output-1.bin").write_bytes(output)
    with pytest.raises(ProverError, match="a result for other tasks"):
        read_outputs(job, "proof.json", DIGITS, batch())


def test_proof_of_another_image_is_refused(job: Path) -> None:
    with pytest.raises(ProverError, match="is of image"):
        read_proof(job, DIGITS, batch(), bytes(32))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"journal": "00"}, "journal is '00'"),
        ({"journal": 5}, "journal is 5"),
        ({"image_id": None}, "image_id is None"),
        ({"outputs": ["../../etc/passwd"] * 3}, "names outputs"),
        ({"outputs": None}, "names outputs None"),
    ],
)
def test_wrong_fields_are_named(job: Path, fields: dict[str, object], named: str) -> None:
    change(job, **fields)
    with pytest.raises(ProverError, match=named):
        read_proof(job, DIGITS, batch(), IMAGE_ID)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b" " * (1 << 20 | 1)])
def test_a_broken_proof_file_is_an_error(job: Path, content: bytes) -> None:
    (job / "proof.json").write_bytes(content)
    with pytest.raises(ProverError, match=r"proof\.json"):
        read_proof(job, DIGITS, batch(), IMAGE_ID)


def test_finished_jobs_keep_the_proof_and_drop_the_steps(job: Path) -> None:
    for name in ("segment-0.bin", "lift-0.bin", "join-1.bin", "wrapped.bin"):
        (job / name).touch()
    drop_steps(job)
    assert {path.name for path in job.iterdir()} == {
        "model.onnx",
        "po2",
        "request.json",
        "proof.json",
        "seal.bin",
        *(f"input-{i}.bin" for i in range(3)),
        *(f"output-{i}.bin" for i in range(3)),
    }
