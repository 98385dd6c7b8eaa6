"""What a node's network can be told, checked when it is made."""

import ipaddress
from dataclasses import astuple, dataclass
from pathlib import Path

from p2pnode.errors import ConfigError
from p2pnode.network.dnsaddr import Lookup, lookup_txt
from p2pnode.network.origin_limits import GossipRates
from p2pnode.network.relay_terms import RelayTerms

MAX_GOSSIP = 64 * 1024
"""Bytes of one gossip message. The library drops anything over 1 MiB without a word (row 12)."""

SEEN_SECONDS = 600
"""How long a message is known again: longer than the library's 120, so that a captured one cannot come back
soon after."""

MESH_DEGREE_HIGH = 64
"""Above the connection limit, so that the mesh is never pruned apart (row 3)."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Settings of `open_network`.

    `listen` and `announce` are multiaddrs without a peer ID (`/ip4/0.0.0.0/tcp/4001`); `announce` replaces
    what peers are told when the node sits behind a forwarded port. `bootstrap` holds multiaddrs that end
    in `/p2p/<peer ID>`, `/dnsaddr/<name>`, or paths of list files. `origin_rate` (messages a second) and
    `origin_burst` bound what one signer may gossip, ours included, and must be the same on every node of a
    network; `unbacked_*` and `all_unbacked_*` bound signers without standing, each and together. `seed`
    fixes the order in which peers are tried; None takes it from the system. `state_dir` keeps the peers met
    and their reputation over a restart; None forgets them. `psk_path` is the key file of a private network.
    `allow` and `deny` are IP addresses or CIDR blocks: with `allow` only those are dialled and let in, and
    `deny` wins. `max_per_ip` bounds the connections that one IPv4 address or IPv6 /64 may hold here.
    `request_rate` and `request_burst` bound the requests of one peer. `lookup_txt` asks DNS. `blob_quota` is
    in bytes. `relay` makes the node pass on connections for peers that cannot be dialled; None: it does not.
    """

    key_path: Path
    cache_dir: Path
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/4001",)
    announce: tuple[str, ...] = ()
    bootstrap: tuple[str, ...] = ()
    mdns: bool = False
    upnp: bool = False
    seed: int | None = None
    max_connections: int = 60
    target_peers: int = 12
    origin_rate: float = 50.0
    origin_burst: int = 100
    unbacked_rate: float = 0.5
    unbacked_burst: int = 5
    all_unbacked_rate: float = 10.0
    all_unbacked_burst: int = 50
    dial_seconds: float = 10.0
    redial_seconds: tuple[float, float] = (0.5, 30.0)
    exchange_seconds: float = 20.0
    state_dir: Path | None = None
    builtin_bootstrap: bool = False
    psk_path: Path | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    max_per_ip: int = 20
    request_rate: float = 200.0
    request_burst: int = 400
    blob_quota: int = 20 << 30
    relay: RelayTerms | None = None
    lookup_txt: Lookup = lookup_txt

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
        for rate, burst in astuple(self.gossip_rates):
            if rate <= 0 or burst < 1:
                raise ConfigError("network.origin_rate, origin_burst and their like must be above zero")
        for name, entries in (("allow", self.allow), ("deny", self.deny)):
            for entry in entries:
                _check_block(name, entry)
        if self.max_per_ip < 1:
            raise ConfigError(f"network.max_per_ip is {self.max_per_ip}: give 1 or more")
        if self.request_rate <= 0 or self.request_burst < 1:
            raise ConfigError("network.request_rate and network.request_burst must be above zero")
        if self.blob_quota < 1:
            raise ConfigError(f"network.blob_quota_mib gives {self.blob_quota} bytes: give 1 MiB or more")
        low, high = self.redial_seconds
        if not 0 < low <= high:
            raise ConfigError(
                f"network.redial_seconds is {self.redial_seconds}: give (first, longest), both above 0"
            )

    @property
    def gossip_rates(self) -> GossipRates:
        """What signers may gossip."""
        return GossipRates(
            origin=(self.origin_rate, self.origin_burst),
            unbacked=(self.unbacked_rate, self.unbacked_burst),
            all_unbacked=(self.all_unbacked_rate, self.all_unbacked_burst),
        )


def _check_block(name: str, entry: str) -> None:
    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError as error:
        raise ConfigError(
            f"network.{name}: {entry!r} is neither an IP address nor a block such as 192.0.2.0/24"
        ) from error
