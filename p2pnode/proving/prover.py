"""The Prover port over the `p2pnode-prover` binary: one process a job, one proof at a time."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from p2pnode.errors import ProverError
from p2pnode.ports import Progress, Proof, ProofTask
from p2pnode.proving import batches
from p2pnode.proving.execution import Execution, read_execution
from p2pnode.proving.locate import find_prover, free_memory, segment_po2
from p2pnode.proving.process import run_prover
from p2pnode.proving.progress import Estimate
from p2pnode.proving.rates import Meter, Rates, load_rates, save_rates
from p2pnode.proving.settings import Cluster, Identity

DEFAULT_SECONDS = 7200.0
"""How long one proof may take."""
_QUICK_SECONDS = 60.0
"""How long a subcommand that proves nothing may take."""


class SubprocessProver:
    """Proves batches. Implements `ports.Prover`. Made by `open_prover`."""

    def __init__(
        self,
        binary: Path,
        identity: Identity,
        seconds: float,
        jobs: int,
        memory: int | None,
        cluster: Cluster | None,
    ) -> None:
        self._binary = binary
        self._identity = identity
        self._cluster = cluster
        self._seconds = seconds
        self._memory = memory
        # Two proofs at a time would each take as long as both, and twice the memory.
        self._proofs = trio.CapacityLimiter(jobs)

    @property
    def image_id(self) -> bytes:
        """Image ID of the guest that this prover proves and verifies, 32 bytes."""
        return self._identity.image_id

    @property
    def risc0_version(self) -> str:
        """Version of the crate risc0-zkvm in the binary."""
        return self._identity.risc0_version

    @property
    def rates(self) -> Rates:
        """How fast it proves on this machine, or on the cluster, as far as that was measured."""
        if self._cluster is not None and (measured := load_rates(self._cluster.url)).measured_at:
            return measured
        return load_rates(self._binary)

    async def prove(
        self, model: Path, tasks: Sequence[ProofTask], job: Path, on_progress: Callable[[Progress], None]
    ) -> Proof:
        """Execute, prove, wrap, verify; resumes in `job`, and only verifies there what is finished.

        Raises ProverError. When cancelled the subprocess is killed; its finished steps stay in `job`.
        """
        async with self._proofs:
            po2 = await self._prepared(model, tasks, job)
            if (job / batches.PROOF).exists():
                try:
                    return await self._finished(model, tasks, job)
                except ProverError as error:
                    _log().warning("proof.discarded", job=str(job), reason=str(error))
                    (job / batches.PROOF).unlink(missing_ok=True)
            if self._cluster is None or not await self._prove_there(self._cluster, job, po2, on_progress):
                await self._prove_here(job, po2, on_progress)
            proof = await self._finished(model, tasks, job)
            batches.drop_steps(job)
            return proof

    async def _prove_here(self, job: Path, po2: int, on_progress: Callable[[Progress], None]) -> None:
        estimate, meter = Estimate(), Meter()

        def report(progress: Progress) -> None:
            meter.note(progress)
            on_progress(estimate.whole(progress))

        await run_prover(
            self._binary,
            ["prove", "--job", job, "--po2", str(po2)],
            seconds=self._seconds,
            on_progress=report,
        )
        before = load_rates(self._binary)
        if (measured := meter.rates(before)) != before:
            save_rates(self._binary, measured)

    async def _prove_there(
        self, cluster: Cluster, job: Path, po2: int, on_progress: Callable[[Progress], None]
    ) -> bool:
        """Have the cluster prove, and wrap its receipt here. False says that this machine has to prove.

        Raises ProverError for a job that cannot be proved anywhere, ClusterError where there is no fallback.
        """
        # Here: a node without a cluster never loads an HTTP client.
        from p2pnode.proving.bento import ClusterError
        from p2pnode.proving.cluster import RECEIPT, ClusterJob

        async def export() -> int:
            arguments: list[str | Path] = ["execute", "--job", job, "--po2", str(po2), "--export"]
            result = await run_prover(self._binary, arguments, seconds=self._seconds)
            stats = result.get("stats")
            return read_execution(stats if isinstance(stats, dict) else {}, (), po2).total_cycles

        there = ClusterJob(cluster, job, self._identity.image_id, self._identity.risc0_version, on_progress)
        try:
            measured = await there.fetch(export, self.rates)
            try:
                await run_prover(
                    self._binary,
                    ["prove", "--job", job, "--receipt", job / RECEIPT],
                    seconds=self._seconds,
                    on_progress=on_progress,
                )
            except ProverError as error:
                reason = f"prover.cluster_url: the receipt of {cluster.url} is of no use: {error}"
                await there.give_up(reason)
                raise ClusterError(reason) from error
        except ClusterError as error:
            if not cluster.fallback:
                raise
            _log().warning("proof.cluster_failed", job=str(job), reason=str(error), effect="proved here")
            return False
        if measured is not None:
            save_rates(cluster.url, measured)
        return True

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        """The outputs the guest would prove, without a proof; `job` is gone then. Raises ProverError."""
        try:
            return (await self.measure(model, tasks, job)).outputs
        finally:
            # Here at once and not in a thread, which a cancelled call would not wait for: a few small files.
            shutil.rmtree(job, ignore_errors=True)

    async def estimate(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> float:
        """Seconds that a proof would take here, at the rates measured so far. Raises ProverError."""
        return (await self.measure(model, tasks, job)).proving_seconds(self.rates)

    async def measure(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> Execution:
        """The same outputs, and what the batch takes in the guest. Raises ProverError."""
        po2 = await self._prepared(model, tasks, job)
        arguments: list[str | Path] = ["execute", "--job", job, "--po2", str(po2)]
        result = await run_prover(self._binary, arguments, seconds=self._seconds)
        outputs = await trio.to_thread.run_sync(batches.read_outputs, job, batches.EXECUTION, model, tasks)
        stats = result.get("stats")
        return read_execution(stats if isinstance(stats, dict) else {}, outputs, po2)

    async def verify(self, proof_journal: bytes, seal: bytes) -> None:
        """Check a seal against the committed image ID. Raises ProverError that says what is wrong."""
        if len(seal) > batches.MAX_SEAL:
            raise ProverError(f"seal has {len(seal)} bytes; at most {batches.MAX_SEAL} are read")
        with tempfile.TemporaryDirectory(prefix="p2pnode-verify-") as folder:
            path = Path(folder) / "seal.bin"
            path.write_bytes(seal)
            await run_prover(
                self._binary,
                ["verify", "--journal", proof_journal.hex(), "--seal", path],
                seconds=_QUICK_SECONDS,
            )

    async def _prepared(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> int:
        # In a thread: it syncs every file to the disk.
        po2 = segment_po2(free_memory() if self._memory is None else self._memory)
        return await trio.to_thread.run_sync(batches.write_job, job, model, tasks, po2)

    async def _finished(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> Proof:
        proof = await trio.to_thread.run_sync(batches.read_proof, job, model, tasks, self._identity.image_id)
        await self.verify(proof.journal, proof.seal)
        return proof


def _log() -> Any:
    # Here: only proving logs, and loading this would take a third of a verification's time.
    import structlog

    return structlog.get_logger(__name__)


@asynccontextmanager
async def open_prover(
    *,
    binary: str = "",
    seconds: float = DEFAULT_SECONDS,
    jobs: int = 1,
    memory: int | None = None,
    cluster: Cluster | None = None,
) -> AsyncIterator[SubprocessProver]:
    """A prover over `binary` (empty looks in the usual places), `jobs` proofs at a time.

    One proof may take `seconds`, and segments are sized for `memory` bytes, what is free at the time unless
    given. With a `cluster` it proves there, and here only wraps. Raises ProverError with the remedy when
    there is no working binary.
    Every subprocess ends with the call that started it, so nothing is left when the context ends.
    """
    path = find_prover(binary)
    result = await run_prover(path, ["image-id"], seconds=_QUICK_SECONDS)
    try:
        image_id = bytes.fromhex(result["image_id"])
    except (KeyError, TypeError, ValueError):
        image_id = b""
    if len(image_id) != 32:
        raise ProverError(f"prover {path} has image ID {result!r:.100}; run `p2pnode prover build`")
    identity = Identity(image_id, str(result.get("risc0_zkvm", "")))
    if cluster is not None and not identity.risc0_version:
        raise ProverError(f"prover {path} cannot export jobs to a cluster; run `p2pnode prover build`")
    yield SubprocessProver(path, identity, seconds, jobs, memory, cluster)
