"""ZKProver for programs: proofs of inference with the native prover."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from p2pnode.api.arguments import InputData, encode_input
from p2pnode.api.inference import local_task_id
from p2pnode.errors import ProverError
from p2pnode.inference import read_model
from p2pnode.ports import Progress, Proof, ProofTask
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.tensors import tensors_digest
from p2pnode.proving import SubprocessProver, open_prover


class ZKProver:
    """Proves batches of inferences, and verifies proofs. `binary` is the prover; None looks for it."""

    def __init__(self, binary: str | Path | None = None) -> None:
        self._binary = "" if binary is None else str(binary)

    def prove(
        self,
        model: str | Path,
        inputs: Sequence[InputData],
        *,
        task_ids: Sequence[bytes] | None = None,
        job: str | Path | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Proof:
        """Prove what the ONNX file `model` gives for each of `inputs`; takes minutes.

        `task_ids` (32 bytes each) bind the proof to awards; without them each is SHA-256(model digest |
        input digest). With `job`, a folder, an interrupted proof goes on where it stopped. Raises
        InferenceError for a bad model or input, ProverError otherwise.
        """
        path = Path(model)
        data, info = read_model(path)
        encoded = [encode_input(item, info) for item in inputs]
        if task_ids is None:
            digest = content_digest(data)
            task_ids = [local_task_id(digest, tensors_digest(item)) for item in encoded]
        if len(task_ids) != len(encoded):
            raise ProverError(
                f"task_ids has {len(task_ids)} items; give one for each of {len(encoded)} inputs"
            )
        tasks = [ProofTask(task_id, item) for task_id, item in zip(task_ids, encoded, strict=True)]

        async def main(folder: Path) -> Proof:
            async with open_prover(binary=self._binary) as prover:
                return await prover.prove(path, tasks, folder, on_progress)

        if job is not None:
            return trio.run(main, Path(job))
        with TemporaryDirectory(prefix="p2pnode-proof-") as folder:
            return trio.run(main, Path(folder))

    def verify(self, proof: Proof) -> None:
        """Check that the seal proves the journal for this prover's guest. Raises ProverError when not."""

        async def main() -> None:
            async with open_prover(binary=self._binary) as prover:
                await _verify(prover, proof)

        trio.run(main)


async def _verify(prover: SubprocessProver, proof: Proof) -> None:
    if proof.image_id != prover.image_id:
        raise ProverError(
            f"proof is of guest {proof.image_id.hex()}, this prover's is {prover.image_id.hex()}; "
            "use the version of p2pnode that made the proof"
        )
    await prover.verify(proof.journal, proof.seal)
