"""A real proof that is interrupted and resumed. Minutes long, so only `make test-deep` runs it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from p2pnode.errors import ProverError
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import Progress, ProofTask
from p2pnode.proving import open_prover
from p2pnode.proving.batches import write_job

pytestmark = pytest.mark.deep


async def test_a_job_that_was_killed_goes_on_with_its_finished_steps(tmp_path: Path) -> None:
    path, _ = digit_images()[0]
    task = ProofTask(hashlib.sha256(b"task").digest(), read_inputs(path, read_model(DIGITS)[1]))
    job = tmp_path / "job"

    def until(step: str, seen: list[str], scope: trio.CancelScope) -> Callable[[Progress], None]:
        def note(progress: Progress) -> None:
            seen.append(progress.step)
            if progress.step == step:
                scope.cancel()

        return note

    async with open_prover() as prover:
        first: list[str] = []
        with trio.CancelScope() as scope:
            await prover.prove(DIGITS, [task], job, until("wrap", first, scope))
        assert scope.cancelled_caught
        assert "segment" in first
        assert (job / "segment-0.bin").exists()
        assert not (job / "proof.json").exists()

        resumed: list[str] = []
        with trio.CancelScope() as scope:
            proof = await prover.prove(DIGITS, [task], job, until("", resumed, scope))
        assert "segment" not in resumed
        assert resumed[-1] == "verify"
        assert not (job / "segment-0.bin").exists()

        # A finished job is verified, not proved: no step runs.
        again: list[str] = []
        assert await prover.prove(DIGITS, [task], job, until("", again, trio.CancelScope())) == proof
        assert again == []

        await prover.verify(proof.journal, proof.seal)
        changed = bytearray(proof.seal)
        changed[len(changed) // 2] ^= 1
        with pytest.raises(ProverError):
            await prover.verify(proof.journal, bytes(changed))
        with pytest.raises(ProverError):
            await prover.verify(proof.journal[:-1] + bytes([proof.journal[-1] ^ 1]), proof.seal)


async def test_segments_are_lifted_and_joined_into_one_seal(tmp_path: Path) -> None:
    path, _ = digit_images()[0]
    task = ProofTask(hashlib.sha256(b"task").digest(), read_inputs(path, read_model(DIGITS)[1]))
    # The size of a segment is chosen once a job; 2^17 cycles are too few for this one.
    write_job(tmp_path, DIGITS, [task], 17)
    steps: list[tuple[str, int]] = []
    async with open_prover() as prover:
        proof = await prover.prove(
            DIGITS, [task], tmp_path, lambda progress: steps.append((progress.step, progress.total))
        )
        assert [step for step in dict.fromkeys(steps) if step[0] in ("segment", "lift", "join")] == [
            ("segment", 2),
            ("lift", 2),
            ("join", 1),
        ]
        await prover.verify(proof.journal, proof.seal)


async def test_a_job_killed_at_every_step_proves_none_twice(tmp_path: Path) -> None:
    """Two segments, two lifts, a join, the wrap: killed when each begins, and started again."""
    path, _ = digit_images()[0]
    task = ProofTask(hashlib.sha256(b"task").digest(), read_inputs(path, read_model(DIGITS)[1]))
    write_job(tmp_path, DIGITS, [task], 17)
    begun: list[tuple[str, int]] = []
    resumed: list[tuple[str, int]] = []

    async with open_prover() as prover:
        while True:
            run: list[tuple[str, int]] = []
            scope = trio.CancelScope()

            def note(
                progress: Progress,
                run: list[tuple[str, int]] = run,
                scope: trio.CancelScope = scope,
            ) -> None:
                if progress.step in ("segment", "lift", "join", "wrap"):
                    run.append((progress.step, progress.index))
                    if run[-1] not in begun:
                        begun.append(run[-1])
                        scope.cancel()

            with scope:
                proof = await prover.prove(DIGITS, [task], tmp_path, note)
            resumed.append(run[0])
            if not scope.cancelled_caught:
                break
        await prover.verify(proof.journal, proof.seal)
    assert begun == [("segment", 1), ("segment", 2), ("lift", 1), ("lift", 2), ("join", 1), ("wrap", 1)]
    # Each run begins with the step that the one before was killed in: what had ended is not proved again.
    assert resumed == [begun[0], *begun]
