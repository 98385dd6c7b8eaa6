"""`p2pnode verify` on receipts that must be refused, each at the check that finds it.

Receipts with a proof are checked end to end.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from p2pnode.cli.main import main
from p2pnode.models import DIGITS, digit_images
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.receipt import Receipt, dump_receipt
from tests import samples
from tests.samples import DOMAIN, REQUESTER_KEY, WORKER_KEY
from tests.unit.built import needs_prover

ROOT = Path(__file__).parents[2]
IMAGE_ID = ROOT / "circuits_guest" / "images" / "image_id.txt"


def make_receipt() -> Receipt:
    """A receipt in order but for its seal."""
    image_id = bytes.fromhex(IMAGE_ID.read_text().strip())
    return replace(samples.receipt(), image_id=image_id, seal=b"\x00" * 64)


def verify(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "receipt.json"
    file.write_text(text)
    return CliRunner().invoke(main, ["verify", str(file), *options])


def checks(result: Result) -> list[tuple[bool, str]]:
    return [(check["ok"], check["problem"]) for check in json.loads(result.stdout)["checks"]]


@pytest.mark.parametrize("content", ["", "{}", "[]", "not JSON", '{"version": 2}', "x" * 2_000_000])
def test_a_file_that_is_no_receipt_is_refused(tmp_path: Path, content: str) -> None:
    result = verify(tmp_path, content, "--json")
    assert result.exit_code == 5
    ((ok, problem),) = checks(result)
    assert (ok, problem != "") == (False, True)
    assert json.loads(result.stdout)["valid"] is False


def foreign(receipt: Receipt) -> Receipt:
    return replace(receipt, award=sign(DOMAIN, receipt.award.message, WORKER_KEY))


def other_output(receipt: Receipt) -> Receipt:
    return replace(receipt, output_digest=b"\x99" * 32)


def other_worker(receipt: Receipt) -> Receipt:
    return replace(receipt, result=sign(DOMAIN, receipt.result.message, REQUESTER_KEY))


@pytest.mark.parametrize(
    ("tamper", "words"), [(foreign, "must be by"), (other_output, "leaf"), (other_worker, "must be by")]
)
def test_a_tampered_receipt_is_refused_before_the_proof(
    tmp_path: Path, tamper: Callable[[Receipt], Receipt], words: str
) -> None:
    result = verify(tmp_path, dump_receipt(tamper(make_receipt())), "--json", "--prover", "/nowhere")
    assert result.exit_code == 5
    (form, signatures) = checks(result)
    assert form == (True, "")
    assert not signatures[0]
    assert words in signatures[1]


def test_a_price_changed_by_hand_is_refused(tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads(dump_receipt(make_receipt()))
    document["award"]["price"] = "6"
    result = verify(tmp_path, json.dumps(document))
    assert result.exit_code == 5
    assert "✗ the file is a receipt: taskId" in result.stdout
    assert "REFUSED" in result.stdout


def test_without_a_prover_nothing_is_said_of_the_proof(tmp_path: Path) -> None:
    result = verify(tmp_path, dump_receipt(make_receipt()), "--prover", "/nowhere/prover")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "/nowhere/prover" in result.stderr
    assert result.stdout.count("✓") == 2
    assert "valid" not in result.stdout


@needs_prover
def test_a_seal_of_zeros_and_another_guest_are_refused(tmp_path: Path) -> None:
    result = verify(tmp_path, dump_receipt(make_receipt()), "--json")
    assert result.exit_code == 5
    assert [ok for ok, _ in checks(result)] == [True, True, True, False]
    other = replace(make_receipt(), image_id=b"\x77" * 32)
    result = verify(tmp_path, dump_receipt(other), "--json")
    assert result.exit_code == 5
    assert [ok for ok, _ in checks(result)] == [True, True, False]
    assert "7777" in checks(result)[2][1]


@needs_prover
def test_a_genuine_receipt_is_valid_and_says_what_was_proved(tmp_path: Path) -> None:
    receipt = samples.genuine_receipt(1)
    options = ("--model", str(DIGITS), "--input", str(digit_images()[1][0]))
    found = json.loads(verify(tmp_path, dump_receipt(receipt), "--json", *options).stdout)
    assert found["valid"]
    assert [check["ok"] for check in found["checks"]] == [True] * 7
    award = receipt.award.message
    for part in (receipt.image_id, award.model_digest, award.input_digest, receipt.output_digest):
        assert part.hex() in found["statement"]
    assert "task 2 of 16" in found["statement"]
    assert "for 2 JOY" in found["statement"]
    result = verify(tmp_path, dump_receipt(receipt))
    assert result.exit_code == 0
    assert found["statement"] in result.stdout


@needs_prover
def test_a_receipt_is_checked_in_less_than_a_second(tmp_path: Path) -> None:
    """The whole command, from the start of Python on, in processor time: other work does not count."""
    file = tmp_path / "receipt.json"
    file.write_text(dump_receipt(samples.genuine_receipt(1)))
    command = [sys.executable, "-m", "p2pnode", "verify", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(f"p2pnode verify: {seconds:.2f} s of processor time")
    assert seconds < 1


@needs_prover
@pytest.mark.parametrize(
    ("byte", "check"), [(70, "seal claims"), (100_000, "the seal is not a proof"), (-1, "the seal is not")]
)
def test_one_flipped_bit_of_a_genuine_seal_is_refused(tmp_path: Path, byte: int, check: str) -> None:
    receipt = samples.genuine_receipt(1)
    seal = bytearray(receipt.seal)
    seal[byte] ^= 1
    result = verify(tmp_path, dump_receipt(replace(receipt, seal=bytes(seal))), "--json")
    assert result.exit_code == 5
    assert check in checks(result)[-1][1]
    assert "statement" not in json.loads(result.stdout)


def test_another_model_or_input_than_the_receipts_is_refused(tmp_path: Path) -> None:
    text = dump_receipt(samples.genuine_receipt(1))
    other = str(digit_images()[2][0])
    result = verify(tmp_path, text, "--json", "--model", str(DIGITS), "--input", other)
    assert result.exit_code == 5
    assert [ok for ok, _ in checks(result)] == [True, True, True, False]
    result = verify(tmp_path, text, "--json", "--model", other)
    assert result.exit_code == 5
    assert "not bafkrei" in checks(result)[-1][1]
    result = verify(tmp_path, text, "--input", other)
    assert result.exit_code == 2
    assert "give --model too" in result.stderr


def test_one_refused_file_among_several_fails_the_command(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    for file in (first, second):
        file.write_text("{}")
    result = CliRunner().invoke(main, ["verify", str(first), str(second), "--json"])
    assert result.exit_code == 5
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["file"] for one in found] == [str(first), str(second)]
    assert [one["valid"] for one in found] == [False, False]
