"""Who takes part in a devnet, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from p2pnode.amounts import JOY


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node. Amounts are in the smallest unit of JOY; `settings` go to `p2pnode init --set`.

    `joy` is what its account is given; of that `stake` registers it as a worker and `escrow` pays for what
    it asks of others. Zero does neither.
    """

    name: str
    joy: int
    stake: int = 0
    escrow: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes by their part; every one runs as a process and has an account of its own."""

    requester: NodePlan
    owner: NodePlan
    workers: tuple[NodePlan, ...]

    @property
    def nodes(self) -> tuple[NodePlan, ...]:
        """Everyone."""
        return (self.requester, self.owner, *self.workers)


def worker(name: str, *, capacity: int, price: int, stake: int, relays: bool = False) -> NodePlan:
    """A worker that holds `capacity` tasks at a time, takes no less than `price` for one, and may relay."""
    settings = {
        "worker.enabled": "true",
        "requester.enabled": "false",
        "worker.capacity": str(capacity),
        "worker.price": str(price),
        "relayer.enabled": str(relays).lower(),
    }
    return NodePlan(name, joy=2 * stake, stake=stake, settings=settings)


DEFAULT_PLAN = Plan(
    # A longer wait for bids than by default: three workers and a prover may share two cores here.
    requester=NodePlan("alice", joy=50 * JOY, escrow=10 * JOY, settings={"requester.bid_wait": "5"}),
    owner=NodePlan("erin", joy=JOY),
    workers=(
        worker("bob", capacity=32, price=JOY // 100, stake=100 * JOY),
        worker("carol", capacity=8, price=JOY // 100 * 11 // 10, stake=20 * JOY, relays=True),
        worker("dave", capacity=4, price=JOY // 100 * 12 // 10, stake=5 * JOY),
    ),
)
"""The larger a worker, the cheaper, since more tasks share a proof; only the largest has room for sixteen."""
