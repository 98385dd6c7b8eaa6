"""A market that is broken at random: nodes killed, the chain cut off and reorganised, streams reset.

One run is decided by its seed. What is counted at its end is what a user asks for: was anything lost, paid
twice, or left so that a stake could be slashed for it.
"""

import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import trio
import trio.testing

from p2pnode.errors import ChainError, MarketError
from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.strategy import CostPlus
from p2pnode.ports import StreamProtocol
from p2pnode.store.connection import Ledger
from tests.judging import Report, judge
from tests.sim.driver import Driver, Node, account_of
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.fake_network import Killed

WORKERS = ("bob", "carol")
TERMS = Terms(price_min=10, price_max=100, ramp_seconds=10, result_seconds=120, settle_seconds=900)
QUICK = WorkerSettings(capacity=8, strategy=CostPlus(20), batch_size=2, batch_seconds=20)
PATIENT = RequesterSettings(bid_wait=2.0, answer_seconds=10.0)
TROUBLE_SECONDS = 300
"""Faults happen until then."""
END_SECONDS = 2400
"""By then every deadline has passed."""


class Watched(Ledger):
    """A ledger that refuses to write once its node is dead, as a killed process would."""

    def __init__(self, connection: sqlite3.Connection, life: "Life") -> None:
        super().__init__(connection)
        self._life = life

    def execute(self, statement: str, *values: object) -> int:
        if self._life.dead:
            raise Killed
        return super().execute(statement, *values)


@dataclass
class Life:
    """One node from a start to its kill."""

    scope: trio.CancelScope
    dead: bool = False


@dataclass
class Chaos:
    """Nodes that are started again whenever they are killed."""

    driver: Driver
    rng: random.Random
    report: Report = field(default_factory=Report)
    lives: dict[str, Life] = field(default_factory=dict)

    async def live(self, name: str, work: Callable[[Node], Awaitable[None]], **sides: object) -> None:
        """Run the node `name` for ever, again after each kill."""
        while True:
            self.driver.net.gone.discard(name)
            with trio.CancelScope() as scope:
                life = self.lives[name] = Life(scope)
                try:
                    async with self.driver.node(
                        name,
                        ledger=lambda connection, life=life: Watched(connection, life),  # type: ignore[misc]
                        **sides,  # type: ignore[arg-type]
                    ) as node:
                        await work(node)
                        await trio.sleep_forever()
                except* Killed:
                    pass
                except* sqlite3.ProgrammingError:
                    # The connection is closed under what the kill left half way.
                    assert life.dead
            await trio.sleep(self.rng.uniform(0, 20))

    def kill(self, name: str) -> None:
        """As kill -9: nothing is sent or written from this moment on."""
        life = self.lives[name]
        if not life.dead:
            self.report.kills += 1
            life.dead = True
            self.driver.net.gone.add(name)
            life.scope.cancel()

    async def trouble(self, kills: int) -> None:
        """Kill `kills` times and break other things between, spread over TROUBLE_SECONDS."""
        times = sorted(self.rng.uniform(0, TROUBLE_SECONDS) for _ in range(kills))
        for now, then in zip([0.0, *times], times, strict=False):
            await trio.sleep(then - now)
            self.kill(self.rng.choice(["alice", *WORKERS]))
            match self.rng.randrange(4):
                case 0:
                    self.report.outages += 1
                    self.driver.world.down = True
                    await trio.sleep(self.rng.uniform(0, 0.5))
                    self.driver.world.down = False
                case 1 if self.driver.ethereum.blocks:
                    before = len(self.driver.ethereum.blocks)
                    self.driver.ethereum.reorganise(forget=self.rng.random() < 0.5)
                    self.report.reorganisations += before - len(self.driver.ethereum.blocks)
                case 2:
                    self.report.resets += 1
                    self.lose_an_answer(self.rng.choice(WORKERS))

    def lose_an_answer(self, name: str) -> None:
        """The next response of a worker on its task stream never arrives."""
        bus = self.driver.net.buses.get(name)
        if bus is None or StreamProtocol.TASK not in bus.handlers:
            return
        handle, most = bus.handlers[StreamProtocol.TASK]

        async def lossy(peer: str, data: bytes) -> bytes:
            bus.handlers[StreamProtocol.TASK] = (handle, most)
            await handle(peer, data)
            return b""

        bus.handlers[StreamProtocol.TASK] = (lossy, most)


async def run(folder: Path, seed: int, *, kills: int) -> Report:
    """One run: alice submits two tasks at a time while everything breaks. Needs a MockClock."""
    chaos = Chaos(Driver(folder), random.Random(seed))

    async def serve(node: Node) -> None:
        """A worker works by itself."""

    async def submit(node: Node) -> None:
        assert node.requester is not None
        while trio.current_time() < TROUBLE_SECONDS:
            await trio.sleep(chaos.rng.uniform(0, 30))
            inputs = [pair(chaos.rng.random(), 1), pair(chaos.rng.random(), 2)]
            # Where the chain is cut off or the escrow is used up, nothing is offered.
            with suppress(MarketError, ChainError):
                await node.requester.submit(MODEL_DIGEST, inputs, TERMS)

    with trio.move_on_after(END_SECONDS):
        async with trio.open_nursery() as nursery:
            for name in WORKERS:
                nursery.start_soon(lambda name=name: chaos.live(name, serve, worker=QUICK))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(lambda: chaos.live("alice", submit, requester=PATIENT))
            await trio.testing.wait_all_tasks_blocked()
            await chaos.trouble(kills)
    world = chaos.driver.world
    account = account_of("alice")
    spent = 10_000 - world.escrow[account]
    ledgers = [folder / f"{name}.db" for name in WORKERS]
    judge(chaos.report, folder / "alice.db", ledgers, lambda *key: key in world.nonces, spent)
    assert sum(world.balances.values()) == spent
    return chaos.report
