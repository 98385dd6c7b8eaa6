"""What an operator decides about the two sides of the market; `app` fills these from the configuration."""

from dataclasses import dataclass

from p2pnode.market.selection import DEFAULT_WEIGHTS, Weights
from p2pnode.market.strategy import Strategy


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """A worker's terms. Times are in seconds, sizes in bytes.

    `settle_seconds` is what must lie between an offer's result deadline and its settle deadline, and what is
    left for the settlement after a proof. After `most_failures` in a row it bids no more. `task_gas` is the
    gas of one task until a settlement has shown it. `min_bond` is what a requester must stand to lose if it
    signs more awards than its escrow covers. `call_price` is the least price of a call in a session for each
    started second of it. With `credit`, settlements pay by credit and not by transfer. With `rescue`, tasks
    that others missed are proved in their place.
    """

    capacity: int
    strategy: Strategy
    batch_size: int
    batch_seconds: int
    bid_seconds: int = 60
    settle_seconds: int = 60
    retry_seconds: int = 15
    max_model_size: int = 256 * 1024 * 1024
    most_failures: int = 3
    task_gas: int = 600_000
    min_bond: int = 0
    credit: bool = False
    call_price: int = 0
    rescue: bool = False


@dataclass(frozen=True, slots=True)
class RequesterSettings:
    """How a requester waits: `bid_wait` for bids, `answer_seconds` for one worker before the next one.

    `enough_bids` for every offer ends the wait for bids early. With `report`, workers that answered and did
    not settle are reported on chain; with `publish_input` as well, those that never answered are too, and
    both with the task's input, so that others may rescue it.
    """

    bid_wait: float = 2.0
    enough_bids: int = 5
    answer_seconds: float = 30.0
    parallel_awards: int = 8
    poll_seconds: float = 3.0
    weights: Weights = DEFAULT_WEIGHTS
    report: bool = True
    publish_input: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission pays and by when; seconds count from the moment it is offered.

    The price rises from `price_min` to `price_max` within `ramp_seconds`; a worker answers within
    `result_seconds` and settles within `settle_seconds` after that.
    """

    price_min: int
    price_max: int
    ramp_seconds: int = 10
    result_seconds: int = 60
    settle_seconds: int = 7200
    min_stake: int = 0
