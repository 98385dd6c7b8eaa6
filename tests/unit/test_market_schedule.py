"""Which promises a worker can keep, and what it asks for one."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pnode.config_market import WorkerConfig
from p2pnode.errors import ConfigError
from p2pnode.market.pause import Pause
from p2pnode.market.refusal import Refusal
from p2pnode.market.schedule import Batch, Held, Pace, batches, lateness
from p2pnode.market.strategy import CostPlus, Costs
from p2pnode.pricing import build_strategy
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.messages import DeclineCode

MODEL, OTHER = b"\x01" * 32, b"\x02" * 32
COSTS = Costs(b"\x0a" * 20, MODEL, proving_seconds=1.5, gas=600_000, gas_price=10**9)


def worst(order: Sequence[Batch], now: float) -> float:
    """The lateness of the proofs in a given order."""
    ends = itertools.accumulate(batch.seconds for batch in order)
    return max(now + end - batch.deadline for end, batch in zip(ends, order, strict=True))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=5))
def test_no_other_order_is_less_late(jobs: list[tuple[int, int]]) -> None:
    queue = sorted((Batch(deadline, seconds) for deadline, seconds in jobs), key=lambda one: one.deadline)
    assert lateness(queue, 0) == min(worst(order, 0) for order in itertools.permutations(queue))


def test_tasks_of_one_model_share_a_proof_by_their_nearest_deadline() -> None:
    paces = {MODEL: Pace(0.1, fixed=20, each=1), OTHER: Pace(0.1, fixed=0, each=5)}
    held = [Held(MODEL, 300), Held(OTHER, 50), Held(MODEL, 100), Held(MODEL, 200)]
    assert batches(held, paces, 2) == [Batch(50, 5), Batch(100, 22), Batch(300, 21)]
    assert lateness(batches(held, paces, 2), 0) == -45
    assert lateness([], 0) < 0


def test_bidding_stops_after_failures_in_a_row_and_says_how_to_resume() -> None:
    pause = Pause(2)
    pause.failed("one")
    pause.succeeded()
    pause.failed("two")
    pause.check()
    assert pause.reason == ""
    pause.failed("the prover was killed")
    assert "2 failures in a row" in pause.reason
    assert "the prover was killed" in pause.reason
    assert "p2pnode node resume" in pause.reason
    with pytest.raises(Refusal) as caught:
        pause.check()
    assert caught.value.code == DeclineCode.PAUSED
    assert "killed" not in caught.value.reason, "what broke is not for strangers"
    pause.succeeded()
    pause.check()


def test_cost_plus_counts_time_gas_and_margin() -> None:
    assert CostPlus(7).ask(COSTS) == 7
    assert CostPlus(7, hour_price=2400).ask(COSTS) == 7
    assert CostPlus(0, hour_price=2401).ask(COSTS) == 2, "rounded up"
    assert CostPlus(0, token_per_coin=10**18).ask(COSTS) == 600_000 * 10**9
    assert CostPlus(0, hour_price=240_000, margin_percent=25).ask(COSTS) == 125


def test_models_and_requesters_have_prices_of_their_own() -> None:
    assert CostPlus(7, hour_price=10**9, model_prices={MODEL: 3}).ask(COSTS) == 3
    assert CostPlus(100, requester_percent={COSTS.requester: 85}).ask(COSTS) == 85


@pytest.mark.parametrize(
    "strategy", [CostPlus(1, deny=frozenset({COSTS.requester})), CostPlus(1, allow=frozenset({b"\x0b" * 20}))]
)
def test_who_is_not_served_is_told(strategy: CostPlus) -> None:
    with pytest.raises(Refusal, match="its operator decides") as caught:
        strategy.ask(COSTS)
    assert caught.value.code == DeclineCode.NOT_SERVED


class Flat:
    """An operator's own strategy."""

    def ask(self, costs: Costs) -> int:
        return 42


def test_a_strategy_is_built_from_the_settings_or_loaded() -> None:
    account = "0x" + "0a" * 20
    config = WorkerConfig(
        price=9, hour_price=0, model_prices=(f"{to_cid(OTHER)}=5",), requester_percent=(f"{account}=200",)
    )
    assert build_strategy(config).ask(COSTS) == 18
    assert build_strategy(WorkerConfig(strategy=f"{__name__}:Flat")).ask(COSTS) == 42
    for wrong in ("nowhere:Flat", f"{__name__}:Missing", f"{__name__}:COSTS", "builtins:object", "no colon"):
        with pytest.raises(ConfigError, match=r"worker\.strategy"):
            build_strategy(WorkerConfig(strategy=wrong))
    with pytest.raises(Refusal):
        build_strategy(WorkerConfig(deny=(account,))).ask(COSTS)
