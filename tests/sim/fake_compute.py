"""One model, run and proved: the prover proves what its guest computes, and nothing else."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import trio

from p2pnode.errors import InferenceError, ProverError
from p2pnode.ports import Progress, Proof, ProofTask
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.tensors import decode_tensors, encode_tensors, tensors_digest

IMAGE_ID = b"\x1d" * 32
MODEL = b"a model that doubles a float32[2]"
MODEL_DIGEST = hashlib.sha256(MODEL).digest()


class FakeExecutor:
    """Runs MODEL: twice a float32[2]. Everything else is refused as ONNX Runtime's adapter does."""

    def __init__(self) -> None:
        self.runs = 0
        self.seconds = 0.01
        self.model: Callable[[bytes], bytes] = double

    async def load(self, model: Path) -> None:
        if model.name != MODEL_DIGEST.hex():
            raise InferenceError("operator Frobnicate is not supported; export without it")

    async def is_exact(self, model: Path) -> bool:
        return True

    async def sample(self, model: Path) -> bytes:
        return pair(0, 0)

    async def run(self, model: Path, tensors: bytes) -> bytes:
        await trio.sleep(self.seconds)
        self.runs += 1
        return self.model(tensors)


def double(tensors: bytes) -> bytes:
    """What MODEL computes."""
    arrays = decode_tensors(tensors)
    if list(arrays) != ["x"] or arrays["x"].dtype != np.float32 or arrays["x"].shape != (2,):
        given = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
        raise InferenceError(f"inputs are {given}; the model takes x: float32[2]")
    return encode_tensors({"y": arrays["x"] * np.float32(2)})


class FakeProver:
    """Proves what `guest` computes; its seal is a MAC of the journal that FakeChain can check."""

    image_id = IMAGE_ID

    def __init__(self, seconds: float = 20) -> None:
        self.seconds = seconds
        self.guest: Callable[[bytes], bytes] = double
        self.wrong_tasks = False
        self.failures = 0
        self.jobs: list[Path] = []

    async def prove(
        self, model: Path, tasks: Sequence[ProofTask], job: Path, on_progress: Callable[[Progress], None]
    ) -> Proof:
        self.jobs.append(job)
        on_progress(Progress("segment", 1, 1, 0, self.seconds))
        await trio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise ProverError("the prover was killed")
        outputs = await self.execute(model, tasks, job)
        digest = bytes.fromhex(model.name)
        ids = [b"\xff" * 32 if self.wrong_tasks else task.task_id for task in tasks]
        leaves = [
            leaf(task_id, digest, tensors_digest(task.tensors), tensors_digest(output))
            for task_id, task, output in zip(ids, tasks, outputs, strict=True)
        ]
        journal = journal_of(leaves).encode()
        return Proof(IMAGE_ID, journal, seal_of(journal), outputs)

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        try:
            return tuple(self.guest(task.tensors) for task in tasks)
        except InferenceError as error:
            raise ProverError(f"the guest panicked: {error}") from error

    async def estimate(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> float:
        await trio.sleep(0.01)
        return self.seconds

    async def verify(self, proof_journal: bytes, seal: bytes) -> None:
        if seal != seal_of(proof_journal):
            raise ProverError("the seal does not prove this journal")


def seal_of(journal: bytes) -> bytes:
    return hashlib.sha256(b"seal" + IMAGE_ID + journal).digest()


def pair(first: float, second: float) -> bytes:
    """An input of MODEL."""
    return encode_tensors({"x": np.array([first, second], "f4")})
