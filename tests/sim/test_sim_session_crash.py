"""Killed at any write of a session and started again, neither side loses an answer or a coin."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from p2pnode.errors import P2PNodeError
from p2pnode.market.sessions.requester import SessionOrder
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.ports import Role
from p2pnode.store import open_store
from tests.reliability import record
from tests.sim.driver import MODEL_FEE, Driver, Node, account_of
from tests.sim.fake_chain import MODEL_OWNER
from tests.sim.fake_compute import MODEL_DIGEST, double, pair
from tests.sim.fake_network import Killed
from tests.sim.faults import FaultyLedger

OPENING_FEE, PRICE, CALLS = 20, 2, 4
ORDER = SessionOrder(
    MODEL_DIGEST,
    price=PRICE,
    most_calls=50,
    most_opening_fee=50,
    seconds=300,
    settle_seconds=600,
    call_seconds=3,
)
DOWN_SECONDS = 5
END_SECONDS = 1200
"""By then the deadline of ORDER has passed."""


class Life:
    """alice makes CALLS calls of bob; `got` counts her answers, `died` says whether the victim did."""

    def __init__(self, driver: Driver, worker: WorkerSettings, requester: RequesterSettings) -> None:
        self.driver = driver
        self.sides: dict[str, dict[str, Any]] = {"bob": {"worker": worker}, "alice": {"requester": requester}}
        self.got = 0
        self.died = False

    async def live(self, name: str, fault: tuple[int, bool] | None) -> None:
        """As tests/sim/test_sim_crash.py has it: die at the fault, come back, live on."""
        net = self.driver.net
        if fault is not None:
            with trio.CancelScope() as scope:

                def die() -> None:
                    self.died = True
                    net.gone.add(name)
                    scope.cancel()

                def faulty(connection: sqlite3.Connection) -> FaultyLedger:
                    return FaultyLedger(
                        connection, lambda name, number: number == fault[0], after=fault[1], on_kill=die
                    )

                try:
                    async with self.driver.node(name, ledger=faulty, **self.sides[name]) as node:
                        await self.work(node)
                except* Killed:
                    pass
            await trio.sleep(DOWN_SECONDS)
            net.gone.discard(name)
        async with self.driver.node(name, **self.sides[name]) as node:
            if fault is None:
                await self.work(node)
            await trio.sleep_forever()

    async def work(self, node: Node) -> None:
        """What this node does with its life."""
        if node.requester is not None:
            try:
                async with node.requester.sessions.open(ORDER) as session:
                    for number in range(CALLS):
                        assert await session.call(pair(number, 1)) == double(pair(number, 1))
                        self.got += 1
            except P2PNodeError:
                # The worker died: alice asks for no more.
                pass
        await trio.sleep_forever()

    async def run(self, victim: str, fault: tuple[int, bool]) -> None:
        """Both lives, until every deadline has passed."""
        with trio.move_on_after(END_SECONDS):
            async with trio.open_nursery() as nursery:
                for name in ("bob", "alice"):
                    nursery.start_soon(self.live, name, fault if victim == name else None)
                    await trio.testing.wait_all_tasks_blocked()

    def check(self) -> int:
        """The invariants over both ledgers and the chain; how many calls were paid."""
        world = self.driver.world
        paid = sum(world.paid_calls.values())
        opened = len(world.paid_calls)
        assert opened <= 1
        assert world.balances[account_of("bob")] == OPENING_FEE * opened + PRICE * paid
        assert world.balances[MODEL_OWNER] == MODEL_FEE * paid
        spent = OPENING_FEE * opened + (PRICE + MODEL_FEE) * paid
        assert world.escrow[account_of("alice")] == 10_000 - spent
        assert self.got <= paid <= self.got + 1, "all answers are paid, and at most one under way besides"
        with open_store(self.driver.folder / "bob.db") as bob:
            assert bob.sessions(Role.WORKER, [SessionState.OPEN, SessionState.SETTLING]) == []
            for session in bob.sessions(Role.WORKER, SessionState):
                answered = session.receipt.message.calls
                assert (session.state, session.paid) == (SessionState.SETTLED, answered)
        with open_store(self.driver.folder / "alice.db") as alice:
            assert alice.sessions(Role.REQUESTER, [SessionState.OPEN, SessionState.ENDED]) == []
            for session in alice.sessions(Role.REQUESTER, SessionState):
                calls = alice.calls(session.session_hash)
                answered = session.receipt.message.calls
                assert [call.number for call in calls] == list(range(1, answered + 1))
                assert all(alice.content(call.output_digest) is not None for call in calls)
        return paid


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("victim", ["alice", "bob"])
async def test_killed_at_every_write(
    tmp_path: Path,
    worker: WorkerSettings,
    requester: RequesterSettings,
    autojump_clock: MockClock,
    victim: str,
    after: bool,
) -> None:
    writes, paid = 0, 0
    while True:
        folder = tmp_path / str(writes)
        folder.mkdir()
        life = Life(Driver(folder), worker, requester)
        await life.run(victim, (writes + 1, after))
        paid = life.check()
        if not life.died:
            break
        writes += 1
    record(
        f"simulated session, {victim} {'after' if after else 'before'} every write",
        {"kills": writes, "calls": CALLS * (writes + 1), "paid": paid},
    )
    assert paid == CALLS
    # alice: opening, reserve, answers, end, what was paid. bob: opening, calls, end, transaction, payment.
    assert writes >= {"alice": CALLS + 4, "bob": CALLS + 4}[victim]
