"""Somebody copies a settlement from the pool and is first: the worker is paid all the same, and knows it."""

import trio
from trio.testing import MockClock

from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.protocol.receipt import parse_receipt
from tests.sim.driver import TERMS, Driver
from tests.sim.fake_compute import MODEL_DIGEST, pair
from tests.sim.fake_ethereum import FakeEthereum, Pending

COPY = b"\xee" * 32


def front_run(ethereum: FakeEthereum, raw: str) -> str:
    """Take a transaction into the pool, and run its copy by a stranger in the block before."""
    tx_hash = FakeEthereum._eth_sendRawTransaction(ethereum, raw)
    pending = next(iter(ethereum.pool.values()))
    ethereum._execute(Pending(b"\x0f" * 20, 0, 0, pending.data, COPY, 0), ethereum.height)
    return tx_hash


async def test_a_copied_settlement_pays_and_has_its_receipt(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    ethereum = driver.ethereum
    vars(ethereum)["_eth_sendRawTransaction"] = lambda raw: front_run(ethereum, raw)
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], TERMS)
        [settled] = await alice.requester.settled([outcome.offer_hash])
        await trio.sleep(10)
        assert settled.state == TaskState.SETTLED
        receipt = parse_receipt(bob.store.receipt(settled.task_id) or "")
        assert receipt.transaction == COPY
        assert bob.named("settlement.confirmed")[0]["settled"] == 1
        assert driver.world.balances[bob.chain.account] == 20
        assert [reason for batch in driver.world.sent for _, reason in batch] == ["", "NonceUsed"]
