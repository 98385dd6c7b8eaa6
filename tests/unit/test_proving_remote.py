"""From a job's folder over a cluster to a verified seal: the real prover here, and in the cluster's place.

The stand-in proves with nothing but the program and the input that it was sent, so that what a job exports is
shown to be all that a prover elsewhere needs.
"""

import hashlib
import json
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from p2pnode.errors import ProverError
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import Progress, ProofTask
from p2pnode.proving import Cluster, SubprocessProver, open_prover
from p2pnode.proving.batches import write_job
from p2pnode.proving.locate import find_prover
from p2pnode.proving.rates import load_rates
from tests.unit.bento_stand_in import StandIn, serving
from tests.unit.built import needs_prover

pytestmark = needs_prover

Change = Callable[[bytes], bytes]


def digit_task(index: int = 0) -> ProofTask:
    path, _ = digit_images()[index]
    return ProofTask(hashlib.sha256(path.name.encode()).digest(), read_inputs(path, read_model(DIGITS)[1]))


class Elsewhere:
    """A prover in the cluster's place. It keeps the receipt that it made last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = 0
        self.receipt = b""

    def __call__(self, program: bytes, stdin: bytes) -> bytes:
        self.runs += 1
        (self.folder / "program").write_bytes(program)
        (self.folder / "stdin").write_bytes(stdin)
        out = self.folder / "receipt"
        command: list[str | Path] = [find_prover(""), "receipt", "--program", self.folder / "program"]
        command += ["--stdin", self.folder / "stdin", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.receipt = out.read_bytes()
        return self.receipt


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    return Elsewhere(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def bento(elsewhere: Elsewhere) -> Iterator[StandIn]:
    """Proves when there is no receipt yet, and hands out the same one afterwards."""

    def prove(program: bytes, stdin: bytes) -> bytes:
        return elsewhere.receipt or elsewhere(program, stdin)

    with serving(StandIn(prove)) as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def own_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured here is no speed of this machine. The prover stays where it is."""
    monkeypatch.setenv("P2PNODE_PROVER", str(find_prover("")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def prove(prover: SubprocessProver, job: Path, task: ProofTask, steps: list[str]) -> bytes:
    def note(progress: Progress) -> None:
        if progress.step not in steps:
            steps.append(progress.step)

    proof = await prover.prove(DIGITS, [task], job, note)
    await prover.verify(proof.journal, proof.seal)
    return proof.seal


async def test_a_job_killed_on_its_way_ends_in_a_seal_that_holds(
    bento: StandIn, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    job, cluster = tmp_path / "job", Cluster(bento.url, fallback=False)
    bento.hold()
    async with open_prover(cluster=cluster) as prover:
        with trio.CancelScope() as scope:

            def kill(progress: Progress) -> None:
                if progress.detail.get("state") == "RUNNING":
                    scope.cancel()

            await prover.prove(DIGITS, [digit_task()], job, kill)
        assert scope.cancelled_caught
        assert (job / "cluster.json").exists()
        bento.release()
        steps: list[str] = []
        await prove(prover, job, digit_task(), steps)
        # No segment is proved here, and the job is sent once.
        assert steps[-2:] == ["wrap", "verify"]
        assert set(steps) <= {"cluster", "wrap", "verify"}
        assert (len(bento.sessions), elsewhere.runs) == (1, 1)
        assert not (job / "receipt.bin").exists()
        # A finished job is verified and no more.
        steps.clear()
        await prove(prover, job, digit_task(), steps)
        assert steps == []
    (program,) = bento.images.items()
    assert program[0] == prover.image_id.hex()


async def receipt_of(elsewhere: Elsewhere, job: Path) -> bytes:
    """A receipt of the first digit, made by hand of what a job exports unless there is one."""
    if not elsewhere.receipt:
        write_job(job, DIGITS, [digit_task()], 20)
        command: list[str | Path] = [find_prover(""), "execute", "--job", job, "--export"]
        await trio.run_process(command, stdout=subprocess.DEVNULL)
        program, stdin = (job / "guest.bin").read_bytes(), (job / "stdin.bin").read_bytes()
        await trio.to_thread.run_sync(elsewhere, program, stdin)
    return elsewhere.receipt


def nested(receipt: bytes) -> bytes:
    """Composite receipts within composite receipts, deeper than any stack."""
    return struct.pack("<IQQ", 0, 0, 1) * 500_000


def altered(receipt: bytes) -> bytes:
    middle = len(receipt) // 2
    return receipt[:middle] + bytes([receipt[middle] ^ 1]) + receipt[middle + 1 :]


@pytest.mark.parametrize(
    ("change", "index", "named"),
    [
        (lambda receipt: receipt, 1, "it proves another batch"),
        (altered, 0, "does not verify"),
        (lambda receipt: receipt[:-1], 0, "no bincode"),
        (lambda receipt: b"", 0, "no bincode"),
        (lambda receipt: struct.pack("<I", 3) + bytes(200), 0, "only composite and succinct"),
        (nested, 0, "signal"),
    ],
)
async def test_a_receipt_of_no_use_is_refused_and_not_asked_for_again(
    bento: StandIn, elsewhere: Elsewhere, tmp_path: Path, change: Change, index: int, named: str
) -> None:
    genuine = await receipt_of(elsewhere, tmp_path / "exported")
    bento.prove = lambda program, stdin: change(genuine)
    async with open_prover(cluster=Cluster(bento.url, fallback=False)) as prover:
        for _ in range(2):
            with pytest.raises(ProverError, match=named) as caught:
                await prover.prove(DIGITS, [digit_task(index)], tmp_path / "job", lambda progress: None)
            assert "prover.cluster_url" in str(caught.value)
    assert len(bento.sessions) == 1
    assert not (tmp_path / "job" / "proof.json").exists()


async def test_a_receipt_of_another_image_is_refused(elsewhere: Elsewhere, tmp_path: Path) -> None:
    (tmp_path / "receipt").write_bytes(await receipt_of(elsewhere, tmp_path / "exported"))
    other = "11" * 32
    command: list[str | Path] = [find_prover(""), "wrap", "--receipt", tmp_path / "receipt"]
    command += ["--out", tmp_path / "seal", "--image-id", other]
    done = await trio.run_process(command, capture_stdout=True, check=False)
    assert done.returncode == 1
    assert f"not of {other}" in json.loads(done.stdout.splitlines()[-1])["message"]


async def test_a_job_that_the_guest_refuses_is_not_sent(bento: StandIn, tmp_path: Path) -> None:
    task = replace(digit_task(), tensors=b"\xff" * 100)
    async with open_prover(cluster=Cluster(bento.url)) as prover:
        with pytest.raises(ProverError, match=r"tasks\[0\]"):
            await prover.prove(DIGITS, [task], tmp_path, lambda progress: None)
    assert bento.calls == []


@pytest.mark.deep
async def test_without_the_cluster_the_job_is_proved_here(tmp_path: Path) -> None:
    bento = StandIn(lambda program, stdin: b"")
    with serving(bento):
        bento.faults["GET /images"] = (403, b"")
        async with open_prover(cluster=Cluster(bento.url)) as prover:
            steps: list[str] = []
            await prove(prover, tmp_path / "job", digit_task(), steps)
    assert steps == ["cluster", "execute", "segment", "wrap", "verify"]
    # What was measured is this machine's rate, not the cluster's.
    assert load_rates(bento.url).measured_at == 0
    assert load_rates(Path(os.environ["P2PNODE_PROVER"])).measured_at
