"""What a worker asks for a task, and from whom it takes one; another strategy is a class with `ask`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from p2pnode.market.refusal import Refusal
from p2pnode.protocol.messages import DeclineCode

HOUR = 3600
GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Costs:
    """What one task costs its worker: the task's share of a full batch.

    `proving_seconds` of the prover, `gas` of the settlement at `gas_price` wei.
    """

    requester: bytes
    model_digest: bytes
    proving_seconds: float
    gas: int
    gas_price: int


class Strategy(Protocol):
    """Decides the price of one task, in the token's smallest unit. Pure and quick: called for each offer."""

    def ask(self, costs: Costs) -> int:
        """The least that this worker takes. Raises Refusal to take nothing from this requester."""


@dataclass(frozen=True, slots=True)
class CostPlus:
    """Time at `hour_price`, gas at the token's worth, a margin, and never less than a floor.

    `token_per_coin` is what one of the chain's own coins is worth in the token's smallest units, 0 to leave
    the gas out. `model_prices` and `requester_percent` (100 is no change) make exceptions; with `allow`
    only those requesters are served, and those in `deny` never.
    """

    least: int
    hour_price: int = 0
    margin_percent: int = 0
    token_per_coin: int = 0
    model_prices: Mapping[bytes, int] = field(default_factory=dict)
    requester_percent: Mapping[bytes, int] = field(default_factory=dict)
    allow: frozenset[bytes] = frozenset()
    deny: frozenset[bytes] = frozenset()

    def ask(self, costs: Costs) -> int:
        """See `Strategy`."""
        if costs.requester in self.deny or (self.allow and costs.requester not in self.allow):
            raise Refusal(
                DeclineCode.NOT_SERVED,
                f"this worker takes no tasks of 0x{costs.requester.hex()}; its operator decides that",
            )
        price = self.model_prices.get(costs.model_digest)
        if price is None:
            # In milliseconds, so that the price is exact and rounded up.
            work = -(-self.hour_price * round(costs.proving_seconds * 1000) // (1000 * HOUR))
            gas = -(-costs.gas * costs.gas_price * self.token_per_coin // 10**18)
            price = max(self.least, -(-(work + gas) * (100 + self.margin_percent) // 100))
        return -(-price * self.requester_percent.get(costs.requester, 100) // 100)
