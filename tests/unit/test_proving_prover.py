"""The real prover: what it would prove of the packaged images, and what it refuses."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from p2pnode.errors import ProverError
from p2pnode.inference import open_executor, read_inputs, read_model
from p2pnode.models import DIGITS, digit_images
from p2pnode.ports import ProofTask
from p2pnode.protocol.tensors import decode_tensors, encode_tensors
from p2pnode.proving import SubprocessProver, open_prover
from tests.unit.built import needs_prover

IMAGE_ID = Path(__file__).parents[2] / "circuits_guest" / "images" / "image_id.txt"


pytestmark = needs_prover


@pytest.fixture
async def prover() -> AsyncIterator[SubprocessProver]:
    async with open_prover() as opened:
        yield opened


def digit_tasks(count: int) -> list[ProofTask]:
    info = read_model(DIGITS)[1]
    return [
        ProofTask(hashlib.sha256(path.name.encode()).digest(), read_inputs(path, info))
        for path, _ in digit_images()[:count]
    ]


async def test_image_is_the_committed_one(prover: SubprocessProver) -> None:
    assert prover.image_id.hex() == IMAGE_ID.read_text().strip()


async def test_guest_gives_onnx_runtimes_answers(prover: SubprocessProver, tmp_path: Path) -> None:
    tasks = digit_tasks(16)
    proved = await prover.execute(DIGITS, tasks, tmp_path / "job")
    async with open_executor() as executor:
        assert [await executor.run(DIGITS, task.tensors) for task in tasks] == list(proved)
    labels = [label for _, label in digit_images()]
    assert [int(decode_tensors(output)["digit"][0]) for output in proved] == labels


async def test_executing_again_in_the_same_folder_gives_the_same(
    prover: SubprocessProver, tmp_path: Path
) -> None:
    tasks = digit_tasks(2)
    first = await prover.execute(DIGITS, tasks, tmp_path)
    assert await prover.execute(DIGITS, tasks, tmp_path) == first


@pytest.mark.parametrize(
    "tensors",
    [
        b"",
        b"\xff" * 100,
        encode_tensors({"image": np.zeros((1, 63), np.uint8)}),
        encode_tensors({"picture": np.zeros((1, 64), np.uint8)}),
        encode_tensors({"image": np.zeros((1, 64), np.int8)}),
    ],
)
async def test_input_that_does_not_fit_is_named_by_its_task(
    prover: SubprocessProver, tmp_path: Path, tensors: bytes
) -> None:
    tasks = [*digit_tasks(1), ProofTask(bytes(32), tensors)]
    with pytest.raises(ProverError, match=r"tasks\[1\]"):
        await prover.execute(DIGITS, tasks, tmp_path / "job")


async def test_what_is_no_model_is_refused(prover: SubprocessProver, tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"no model")
    with pytest.raises(ProverError, match="model: ONNX file"):
        await prover.execute(model, digit_tasks(1), tmp_path / "job")


@pytest.mark.parametrize("seal", [b"", bytes(32), bytes(222_000), bytes((1 << 20) + 1)])
async def test_bytes_that_are_no_seal_are_refused(prover: SubprocessProver, seal: bytes) -> None:
    with pytest.raises(ProverError):
        await prover.verify(bytes(40), seal)


FIXTURES = Path(__file__).parents[2] / "contracts" / "test" / "fixtures"


async def test_a_real_proof_holds_and_no_changed_one_does(prover: SubprocessProver) -> None:
    found = json.loads((FIXTURES / "batch.json").read_text())
    assert found["imageId"] == f"0x{prover.image_id.hex()}", "of an older image: run tests/make_fixture.py"
    journal, seal = bytes.fromhex(found["journal"][2:]), (FIXTURES / "batch.seal").read_bytes()
    await prover.verify(journal, seal)
    for position in (0, len(seal) // 2, len(seal) - 1):
        changed = bytearray(seal)
        changed[position] ^= 1
        with pytest.raises(ProverError):
            await prover.verify(journal, bytes(changed))
    for other in (journal[:-1] + bytes([journal[-1] ^ 1]), journal[:-1], b""):
        with pytest.raises(ProverError):
            await prover.verify(other, seal)
    with pytest.raises(ProverError):
        await prover.verify(journal, seal[:-1])
