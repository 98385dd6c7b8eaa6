"""Claims, Merkle roots and journals: this implementation against the guest's and RISC Zero's own, in Rust."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from p2pnode.errors import ProtocolError
from p2pnode.protocol import merkle
from p2pnode.protocol.claim import claim_digest, claim_of_seal
from p2pnode.protocol.journal import journal_of, leaf, parse
from p2pnode.protocol.receipt import check_receipt, dump_receipt, parse_receipt
from tests.samples import FIXTURES, genuine_receipt
from tests.unit.onnx_runner import CACHE, ROOT

CASES = 1000
Task = tuple[bytes, bytes, bytes, bytes]


class Statement(NamedTuple):
    """What a batch comes to."""

    journal: bytes
    claim: bytes
    leaves: tuple[bytes, ...]


class Case(NamedTuple):
    """A guest and a batch: task ID, model, input and output digest of each task."""

    image_id: bytes
    tasks: tuple[Task, ...]


def random_cases() -> list[Case]:
    """The same each time: sizes up to 48, and the largest batch there is; some digests of edge bytes."""
    draw = random.Random(20261126)

    def digest() -> bytes:
        edge = draw.random()
        return bytes([0 if edge < 0.02 else 255]) * 32 if edge < 0.04 else draw.randbytes(32)

    def case(count: int) -> Case:
        return Case(digest(), tuple((digest(), digest(), digest(), digest()) for _ in range(count)))

    return [case(1), case(1024), *(case(draw.randint(1, 48)) for _ in range(CASES - 2))]


def by_python(case: Case) -> Statement:
    leaves = tuple(leaf(*task) for task in case.tasks)
    journal = journal_of(leaves).encode()
    return Statement(journal, claim_digest(case.image_id, journal), leaves)


@pytest.fixture(scope="module")
def by_rust(tmp_path_factory: pytest.TempPathFactory) -> list[Statement]:
    """The same cases by circuits_guest/batch, which the guest contains, and risc0-zkvm."""
    target = CACHE / "cargo-onnx"
    build: list[str | Path] = [sys.executable, ROOT / "circuits_guest" / "build.py", "cargo", "--", "build"]
    build += ["--release", "--example", "statements", "-p", "p2pnode-batch", "--target-dir", target]
    subprocess.run(build, check=True)
    file = tmp_path_factory.mktemp("statements") / "cases"
    lines = ("\t".join([c.image_id.hex(), *(b"".join(t).hex() for t in c.tasks)]) for c in random_cases())
    file.write_text("\n".join(lines) + "\n")
    binary = target / "release" / "examples" / "statements"
    printed = subprocess.run(
        [binary, file], check=True, stdout=subprocess.PIPE, text=True, timeout=120
    ).stdout
    found = [[bytes.fromhex(field) for field in line.split("\t")] for line in printed.splitlines()]
    return [Statement(journal, claim, tuple(leaves)) for journal, claim, *leaves in found]


def test_a_thousand_random_batches_agree_with_rust(by_rust: Sequence[Statement]) -> None:
    cases = random_cases()
    assert len(cases) == len(by_rust) == CASES
    assert len({len(case.tasks) for case in cases}) > 40
    assert len({statement.claim for statement in by_rust}) == CASES
    for case, theirs in zip(cases, by_rust, strict=True):
        assert by_python(case) == theirs


def test_every_path_leads_to_the_journal_of_rust_and_no_altered_one_does(
    by_rust: Sequence[Statement],
) -> None:
    draw = random.Random(7)
    for theirs in by_rust:
        journal, count = parse(theirs.journal), len(theirs.leaves)
        index = draw.randrange(count)
        path = merkle.path(theirs.leaves, index)
        assert merkle.root_from_path(theirs.leaves[index], index, count, path) == journal.root
        strange = flipped(theirs.leaves[index], draw)
        assert merkle.root_from_path(strange, index, count, path) != journal.root
        if path:
            at = draw.randrange(len(path))
            altered = (*path[:at], flipped(path[at], draw), *path[at + 1 :])
            assert merkle.root_from_path(theirs.leaves[index], index, count, altered) != journal.root
            with pytest.raises(ProtocolError, match="too few"):
                merkle.root_from_path(theirs.leaves[index], index, count, path[:-1])


def test_another_guest_journal_or_task_is_another_claim(by_rust: Sequence[Statement]) -> None:
    draw = random.Random(8)
    for case, theirs in zip(random_cases(), by_rust, strict=True):
        assert claim_digest(flipped(case.image_id, draw), theirs.journal) != theirs.claim
        assert claim_digest(case.image_id, flipped(theirs.journal, draw)) != theirs.claim
        at = draw.randrange(len(case.tasks))
        task = list(case.tasks[at])
        part = draw.randrange(4)
        task[part] = flipped(task[part], draw)
        tampered = (*case.tasks[:at], (task[0], task[1], task[2], task[3]), *case.tasks[at + 1 :])
        assert by_python(case._replace(tasks=tampered)).claim != theirs.claim


def flipped(data: bytes, draw: random.Random) -> bytes:
    """`data` with one bit changed."""
    bit = draw.randrange(8 * len(data))
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(data))


def test_the_seals_of_real_proofs_claim_what_is_computed() -> None:
    receipt = genuine_receipt()
    assert claim_of_seal(receipt.seal) == claim_digest(receipt.image_id, receipt.journal)
    identity = json.loads((FIXTURES / "identity.json").read_text())
    assert claim_of_seal((FIXTURES / "identity.seal").read_bytes()).hex() == identity["claim"][2:]


@pytest.mark.parametrize(
    ("seal", "says"),
    [
        (b"", "seal has 0 bytes"),
        (bytes(127), "seal has 127 bytes"),
        (b"\xff" * 128, "no claim digest"),
        (bytes(64) + (1).to_bytes(4, "big") * 16, "no claim digest"),
    ],
)
def test_a_seal_without_a_claim_is_refused(seal: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        claim_of_seal(seal)


def test_every_bit_of_a_genuine_receipts_statement_counts() -> None:
    """Flip each bit of what ties a task to its proof: no altered receipt passes."""
    receipt, draw = genuine_receipt(5), random.Random(9)
    check_receipt(parse_receipt(dump_receipt(receipt)))
    for _ in range(200):
        sibling = draw.randrange(len(receipt.merkle_path))
        path = list(receipt.merkle_path)
        path[sibling] = flipped(path[sibling], draw)
        for altered in (
            replace(receipt, output_digest=flipped(receipt.output_digest, draw)),
            replace(receipt, journal=flipped(receipt.journal, draw)),
            replace(receipt, merkle_path=tuple(path)),
        ):
            with pytest.raises(ProtocolError):
                check_receipt(altered)
        image_id = flipped(receipt.image_id, draw)
        assert claim_of_seal(receipt.seal) != claim_digest(image_id, receipt.journal)


def test_checking_a_receipt_loads_no_library_that_it_does_not_need() -> None:
    """Each of these takes a fifth of a second or more; `p2pnode verify` is to take less than one in all."""
    code = "import sys, p2pnode.cli.main, p2pnode.cli.verify, p2pnode.proving; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(ROOT))}
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    heavy = {"numpy", "onnx", "onnxruntime", "web3", "libp2p", "pydantic", "eth_utils", "structlog", "rich"}
    assert not heavy & set(loaded.stdout.split())
