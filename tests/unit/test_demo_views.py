"""What the demo makes of the nodes' events, on events as the nodes write them."""

import base64
import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from p2pnode.demo.auction import Auction
from p2pnode.demo.names import Names
from p2pnode.demo.proof import BatchView
from p2pnode.demo.receipts import altered
from p2pnode.demo.screen import Screen
from p2pnode.demo.summary import Payment, Summary, payments_table

BOB, CAROL = "b0" * 20, "ca" * 20


class FixedNames(Names):
    """Names of two workers, of no devnet."""

    def __init__(self) -> None:
        pass

    def account(self, address: str) -> str:
        return {BOB: "bob", CAROL: "carol"}[address]

    def peer(self, peer: str) -> str:
        return {"peer-c": "carol"}[peer]


def auction(*digits: int) -> Auction:
    return Auction([(f"{position:02}.png", digit) for position, digit in enumerate(digits)], FixedNames())


def event(name: str, task: int, seconds: float, **fields: Any) -> dict[str, Any]:
    return {"event": name, "task": task, "seconds": seconds, **fields}


def test_an_auction_tells_each_step_once() -> None:
    view = auction(3, 4)
    assert view.event(event("offer.published", 0, 0.1)) == []
    assert view.event(event("offer.published", 1, 0.2)) == ["2 signed offers gossiped"]
    # A repeated offer is no other offer.
    assert view.event(event("offer.published", 1, 2.0)) == []
    for task in (0, 1):
        assert view.event(event("bid.received", task, 0.5, worker=BOB, price=12 * 10**15)) == []
    view.event(event("bid.received", 0, 0.6, worker=CAROL, price=11 * 10**15))
    view.event(event("decline.received", 1, 0.7, peer="peer-c", code="at-capacity"))
    assert view.event(event("award.sent", 0, 2.1, worker=BOB, price=12 * 10**15)) == [
        "signed bids: bob 0.012 JOY for 2, carol 0.011 JOY for 1",
        "declined: carol 1 (at-capacity)",
    ]
    assert view.event(event("award.sent", 1, 2.2, worker=BOB, price=12 * 10**15)) == [
        "awarded: 2 to bob at 0.012 JOY; it has room for all, so one proof will do"
    ]
    assert [task.offered for task in view.tasks] == [0.1, 0.2]


def test_a_failover_is_told_with_its_reason() -> None:
    lines = auction(3).event(event("task.failover", 0, 3.0, worker=BOB, reason="no answer"))
    assert lines == ["00.png: bob did not answer (no answer); the next bid is awarded"]


def test_predictions_are_compared_with_the_label() -> None:
    view = auction(3, 4)
    view.answered([{"outputs": {"digit": [3]}}, {"outputs": {"digit": [9]}}])
    assert [task.right for task in view.tasks] == [True, False]


def progress(step: str, index: int, total: int, seconds: float, remaining: float | None) -> dict[str, Any]:
    return {"step": step, "index": index, "total": total, "seconds": seconds, "remaining": remaining}


def test_a_bar_never_steps_back_and_ends_full() -> None:
    batch, shares = BatchView("bob"), []
    events = [
        progress("execute", 1, 1, 0.5, None),
        progress("segment", 1, 1, 0.0, 100.0),
        progress("segment", 1, 1, 50.0, 50.0),
        # The estimate was too good.
        progress("segment", 1, 1, 60.0, 90.0),
        progress("segment", 1, 1, 150.0, 22.0),
        progress("wrap", 1, 1, 22.0, 0.0),
    ]
    began = []
    for fields in events:
        began.append(batch.progress(fields))
        shares.append(batch.done_share)
    assert began == [True, True, False, False, False, True]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert batch.steps == {"execute": 0.5, "segment": 150.0, "wrap": 22.0}
    assert batch.left() == "about 0 s left"


def test_a_step_that_outlasts_its_estimate_is_said_to() -> None:
    batch = BatchView("bob")
    late = {**progress("segment", 1, 1, 500.0, 22.0), "detail_step_remaining": 0.0}
    batch.progress(late)
    assert batch.left() == "longer than estimated"
    batch.progress({**progress("wrap", 1, 1, 2.0, 20.0), "detail_step_remaining": 20.0})
    assert batch.left() == "about 20 s left"


def test_steps_of_several_segments_are_kept_apart() -> None:
    batch = BatchView("bob")
    batch.progress(progress("segment", 1, 2, 5.0, 40.0))
    batch.progress(progress("segment", 2, 2, 4.0, 30.0))
    assert batch.steps == {"segment 1 of 2": 5.0, "segment 2 of 2": 4.0}


def test_altered_receipts_differ_in_one_bit_of_one_field(tmp_path: Path) -> None:
    document = {
        "seal": base64.b64encode(bytes(64)).decode(),
        "outputDigest": "0x" + "00" * 32,
        "journal": "0x01",
    }
    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(document))
    (seal, _), (output, _) = altered(receipt)
    changed = json.loads(seal.read_text())
    assert base64.b64decode(changed["seal"]) == bytes(32) + b"\x01" + bytes(31)
    assert changed["outputDigest"] == document["outputDigest"]
    changed = json.loads(output.read_text())
    assert changed["outputDigest"] == "0x01" + "00" * 31
    assert changed["seal"] == document["seal"]
    assert json.loads(receipt.read_text()) == document


def test_a_summary_is_plain_json_and_a_table() -> None:
    view = auction(3)
    view.tasks[0].offered, view.tasks[0].awarded, view.tasks[0].answer_seconds = 0.5, 2.75, 0.034
    batch = BatchView("bob", count=1, seconds=90.0, seal_bytes=230_000, gas=13_000_001, settled=2)
    summary = Summary("/d", "bafk", 100.0, view.tasks, [batch], [Payment("erin", "model owner", 1, 3)])
    found = json.loads(json.dumps(summary.to_json()))
    assert found["offer_to_award"] == {"median": 2.25, "max": 2.25}
    assert found["gas_per_task"] == 6_500_000
    assert found["payments"][0]["change"] == "2"
    console = Console(file=io.StringIO(), width=100)
    console.print(summary.table(), payments_table(summary.payments))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "13,000,001 in one transaction, 6,500,000 a task" in text
    assert "230,000 bytes" in text


def test_without_a_terminal_lines_are_plain_and_rare(tmp_path: Path) -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file, width=100))
    with screen.open():
        screen.say("16 offers", "green")
        for _ in range(100):
            screen.often("proving")
    assert "\x1b" not in file.getvalue()
    assert len(file.getvalue().splitlines()) == 1
    picture = tmp_path / "demo.svg"
    screen.save_picture(picture)
    assert "offers" in picture.read_text()
