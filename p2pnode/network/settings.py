"""What a node's network can be told, checked when it is made."""

from dataclasses import dataclass
from pathlib import Path

from p2pnode.errors import ConfigError

MAX_GOSSIP = 64 * 1024
"""Bytes of one gossip message. The library drops anything over 1 MiB without a word (row 12)."""

MESH_DEGREE_HIGH = 64
"""Above the connection limit, so that the mesh is never pruned apart (row 3)."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Settings of `open_network`.

    `listen` and `announce` are multiaddrs without a peer ID (`/ip4/0.0.0.0/tcp/4001`); `announce` replaces
    what peers are told when the node sits behind a forwarded port. `bootstrap` holds multiaddrs that end
    in `/p2p/<peer ID>`, or paths of list files. `origin_rate` (messages a second) and `origin_burst` bound
    what one signer may gossip, ours included, and must be the same on every node of a network. `seed`
    fixes the order in which peers are tried; None takes it from the system.
    """

    key_path: Path
    cache_dir: Path
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/4001",)
    announce: tuple[str, ...] = ()
    bootstrap: tuple[str, ...] = ()
    mdns: bool = False
    seed: int | None = None
    max_connections: int = 60
    target_peers: int = 12
    origin_rate: float = 50.0
    origin_burst: int = 100
    dial_seconds: float = 10.0
    redial_seconds: tuple[float, float] = (0.5, 30.0)
    exchange_seconds: float = 20.0

    def __post_init__(self) -> None:
        if not self.listen:
            raise ConfigError(
                "network.listen is empty: give at least one address such as /ip4/0.0.0.0/tcp/4001"
            )
        if not 1 <= self.max_connections < MESH_DEGREE_HIGH:
            raise ConfigError(
                f"network.max_connections is {self.max_connections}: give 1 to {MESH_DEGREE_HIGH - 1}; "
                "more would let the gossip mesh split"
            )
        if self.origin_rate <= 0 or self.origin_burst < 1:
            raise ConfigError("network.origin_rate and network.origin_burst must be above zero")
        low, high = self.redial_seconds
        if not 0 < low <= high:
            raise ConfigError(
                f"network.redial_seconds is {self.redial_seconds}: give (first, longest), both above 0"
            )
