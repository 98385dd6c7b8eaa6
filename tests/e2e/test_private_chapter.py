"""The demo's private chapter on a devnet whose nodes sell nothing, so that it needs no prover."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from p2pnode.amounts import JOY
from p2pnode.demo.private import Private
from p2pnode.demo.screen import Screen
from p2pnode.devnet import open_devnet
from p2pnode.devnet.plan import NodePlan, Plan

pytestmark = [pytest.mark.e2e, pytest.mark.deep]

PLAN = Plan(
    requester=NodePlan("alice", joy=50 * JOY),
    owner=NodePlan("erin", joy=JOY, settings={"relayer.enabled": "true"}),
    workers=(NodePlan("bob", joy=JOY),),
)


async def test_a_worker_is_paid_and_an_escrow_funded_by_a_relayer(tmp_path: Path) -> None:
    told = io.StringIO()
    screen = Screen(Console(file=told, width=120))
    async with open_devnet(tmp_path / "demo", bytes(32), plan=PLAN, say=screen.say) as devnet:
        sights = await Private(devnet, screen).tell()
    assert [sight.owner.split()[1] for sight in sights] == ["deposits", "pays", "funds"]
    for sight in sights[1:]:
        assert sight.observer.startswith("1 of 16 notes became 2 notes")
        assert "fee 0.01 JOY" in sight.observer
        assert not any(name in sight.observer for name in ("alice", "bob", "0.5 JOY"))
    assert "bob finds 0.5 JOY" in told.getvalue()
