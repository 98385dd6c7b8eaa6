"""An offer that nobody takes is explained: each worker's reason, and the cheapest change that gets a bid."""

from dataclasses import replace

import trio
from trio.testing import MockClock

from p2pnode.market.explain import Change, advise
from p2pnode.market.requester import TaskOutcome
from p2pnode.market.settings import RequesterSettings, Terms, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.market.strategy import CostPlus
from p2pnode.protocol.messages import DeclineCode
from tests.sim.driver import TERMS, Driver, Node
from tests.sim.fake_compute import MODEL_DIGEST, pair


def worker(price: int, **changes: int) -> WorkerSettings:
    return replace(
        WorkerSettings(capacity=8, strategy=CostPlus(price), batch_size=1, batch_seconds=0),
        **changes,  # type: ignore[arg-type]
    )


async def refused(alice: Node, terms: Terms) -> TaskOutcome:
    """An offer that nobody took, after the heartbeats that name the workers."""
    assert alice.requester is not None
    await trio.sleep(20)
    [outcome] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], terms)
    assert outcome.state == TaskState.UNBID
    return outcome


async def told(alice: Node, outcome: TaskOutcome) -> tuple[list[str], str]:
    """The codes, and the advice."""
    assert alice.requester is not None
    explanation = await alice.requester.explainer.explain(outcome.offer_hash)
    return [verdict.code for verdict in explanation.verdicts], advise(explanation, str)


async def test_the_cheapest_change_is_found_and_gets_a_bid(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    """bob wants the most money, carol more stake than she has is asked, dave wants a little more and time."""
    low = replace(TERMS, price_max=50, min_stake=500, settle_seconds=80)
    async with (
        driver.node("bob", worker=worker(90)),
        driver.node("carol", worker=worker(20)) as carol,
        driver.node("dave", worker=worker(55, settle_seconds=100)),
        driver.node("alice", requester=requester) as alice,
    ):
        driver.change_node(carol, stake=100)
        outcome = await refused(alice, low)
        assert alice.requester is not None
        explanation = await alice.requester.explainer.explain(outcome.offer_hash)
        verdicts = {verdict.peer: verdict for verdict in explanation.verdicts}
        assert verdicts["bob"].code == DeclineCode.PRICE_TOO_LOW
        assert verdicts["bob"].changes == (Change("price_max", 50, 90),)
        assert verdicts["carol"].code == DeclineCode.STAKE_TOO_LOW
        assert [change.field for change in verdicts["dave"].changes] == ["settle_deadline", "price_max"]
        assert {verdict.ends for verdict in verdicts.values()} == {"would-bid"}
        # Less stake costs nothing.
        assert advise(explanation, str) == "change min_stake from 500 to 100; then a worker bids"
        [taken] = await alice.requester.submit(MODEL_DIGEST, [pair(1, 2)], replace(low, min_stake=100))
        assert (taken.state, taken.worker) == (TaskState.ANSWERED, carol.chain.account)


async def test_a_missing_bond_is_named(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker(20, min_bond=50)),
        driver.node("alice", requester=requester) as alice,
    ):
        outcome = await refused(alice, TERMS)
        assert await told(alice, outcome) == (
            [DeclineCode.BOND_TOO_LOW],
            "bond 50 more with `p2pnode bond add`; then a worker looks at the rest",
        )
        driver.world.bonds[alice.chain.account] = 50
        codes, _ = await told(alice, outcome)
        assert codes == ["would-bid"]


async def test_a_missing_deposit_is_named(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker(20)),
        driver.node("alice", requester=requester) as alice,
    ):
        outcome = await refused(alice, replace(TERMS, price_max=19))
        driver.world.escrow[alice.chain.account] = 5
        codes, advice = await told(alice, outcome)
        assert codes == [DeclineCode.PRICE_TOO_LOW]
        change = "change price_max from 19 to 20; then a worker bids"
        assert advice == f"deposit 20 more into the escrow, and {change}"
        driver.world.escrow[alice.chain.account] = 25
        _, advice = await told(alice, outcome)
        assert advice == change


async def test_workers_without_room_and_those_that_come_later(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with driver.node("alice", requester=requester) as alice:
        outcome = await refused(alice, TERMS)
        assert (await told(alice, outcome))[1].startswith("this node has no peers")
        async with driver.node("dave"):
            assert (await told(alice, outcome))[1].startswith("none of the 1 peers says that it is a worker")
        async with driver.node("bob", worker=worker(20, most_failures=1)) as bob:
            await trio.sleep(20)
            codes, advice = await told(alice, outcome)
            assert codes == ["would-bid"]
            assert advice == "offer it again: 1 of 1 would bid now, from 20"
            assert bob.named("bid.sent") == [], "a question is no offer"
            assert bob.worker is not None
            bob.worker.pause.failed("the prover was killed")
            codes, advice = await told(alice, outcome)
            assert codes == [DeclineCode.PAUSED]
            assert advice.startswith("offer it again later")
            driver.net.silent.add("bob")
            assert (await told(alice, outcome))[0] == ["no-answer"]


async def test_questions_are_not_answered_without_end(
    driver: Driver, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker(20)),
        driver.node("alice", requester=requester) as alice,
    ):
        outcome = await refused(alice, replace(TERMS, price_max=19))
        last = [(await told(alice, outcome))[0] for _ in range(80)]
        assert last[0] == [DeclineCode.PRICE_TOO_LOW]
        assert [DeclineCode.AT_CAPACITY] in last
