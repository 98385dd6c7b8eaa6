"""The whole demo: sixteen tasks sold, proved, settled in one transaction, and receipts that hold."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from p2pnode.protocol.receipt import parse_receipt
from p2pnode.store import open_store
from tests.e2e.conftest import PICTURE, Finished

pytestmark = pytest.mark.e2e

GAS_CAP = 16_777_216
"""EIP-7825."""
FEE_BPS = 100
"""The devnet's protocol fee, in basis points of the price."""


def test_sixteen_tasks_are_settled_in_one_transaction_under_the_cap(finished: Finished) -> None:
    summary = finished.summary
    assert (summary["tasks"], summary["settled"]) == (16, 16)
    (batch,) = summary["batches"]
    assert batch["tasks"] == batch["settled"] == 16
    assert 21_000 < batch["gas"] < GAS_CAP
    assert batch["prove_seconds"] > 0
    assert batch["seal_bytes"] > 100_000


def test_answers_are_at_least_as_good_as_the_model(finished: Finished) -> None:
    # The model states at least 95 % on held-out images.
    assert finished.summary["right"] >= 15


def test_what_is_paid_adds_up(finished: Finished) -> None:
    change = {one["name"]: int(one["change"]) for one in finished.summary["payments"]}
    role = {one["name"]: one["role"] for one in finished.summary["payments"]}
    spent = [name for name in change if role[name] == "requester"]
    earned = [name for name in change if role[name] == "worker" and change[name] > 0]
    assert len(spent) == len(earned) == 1
    assert sum(change.values()) == 0
    fee = change["treasury"] + change["reward pool"]
    price = change[earned[0]] + fee
    assert fee == price * FEE_BPS // 10_000
    assert change["reward pool"] == fee // 2
    fees = sum(change[name] for name in change if role[name] == "model owner")
    assert -change[spent[0]] == price + fees
    assert fees == 16 * 2 * 10**15


def test_the_private_chapter_hides_who_paid_whom(finished: Finished) -> None:
    deposit, payment, funding = finished.summary["private"]
    assert "put in 10, 1, 1, 0.3 JOY" in deposit["observer"]
    assert payment["observer"].startswith("1 of 16 notes became 2 notes; fee")
    assert "2 JOY for the escrow of" in funding["observer"]
    for one in (payment, funding):
        for secret in ("alice", "bob", "0.5 JOY"):
            assert secret not in one["observer"]
    assert "alice pays bob 0.5 JOY" in payment["owner"]
    assert "bob finds 0.5 JOY" in finished.told


def test_every_receipt_of_the_batch_says_the_same_proof(finished: Finished) -> None:
    with open_store(finished.demo.home / "alice" / "ledger.sqlite") as store:
        texts = [store.receipt(task_id) for task_id in store.receipts()]
    receipts = [parse_receipt(text) for text in texts if text is not None]
    assert len(receipts) == 16
    assert len({receipt.seal for receipt in receipts}) == 1
    assert {f"0x{receipt.transaction.hex()}" for receipt in receipts} == {
        batch["transaction"] for batch in finished.summary["batches"]
    }
    assert all(receipt.answer_is_proved for receipt in receipts)


def test_the_receipt_holds_and_altered_ones_are_refused(finished: Finished) -> None:
    genuine, seal, output = finished.summary["receipts"]
    assert genuine["valid"]
    assert not seal["valid"]
    assert "STARK" in seal["reason"]
    assert not output["valid"]
    assert "root" in output["reason"]


def test_a_stranger_verifies_the_file_without_the_network(finished: Finished, tmp_path: Path) -> None:
    file = finished.summary["receipts"][0]["file"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("P2PNODE_CONFIG")}
    command = [sys.executable, "-m", "p2pnode", "verify", file, "--json"]
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False)
    found = json.loads(result.stdout)
    assert (result.returncode, found["valid"]) == (0, True)
    assert [check["ok"] for check in found["checks"]] == [True] * 5


def test_nothing_is_left_behind(finished: Finished) -> None:
    assert finished.code == 0
    assert finished.demo.until_gone(10) == {}
    before, after = finished.deployments
    assert before == after
    assert list((finished.demo.folder / "tmp").iterdir()) == []
    assert list((finished.demo.folder / "cwd").iterdir()) == []


def test_the_picture_shows_the_terminal_and_fetches_nothing(finished: Finished) -> None:
    text = (finished.demo.folder / PICTURE).read_text()
    ElementTree.fromstring(text)
    assert "@import" not in text
    assert "@font-face" not in text
    assert "summary" in text
    assert f"{finished.summary['gas']:,}" in text


def test_the_story_names_every_step(finished: Finished) -> None:
    steps = [
        "chain 31337 listens",
        "contracts deployed",
        "registered digits",
        "16 signed offers gossiped",
        "signed bids",
        "awarded: 16 to",
        "16 answers",
        "proves 16 tasks",
        "proved and verified",
        "the chain checked the proof",
        "valid",
        "refused",
        "in private",
        "turned 12.3 JOY into 4 notes",
        "paid bob 0.5 JOY by relayer",
        "escrow of a fresh account by relayer",
    ]
    positions = [finished.told.find(step) for step in steps]
    assert -1 not in positions
    assert positions == sorted(positions)
