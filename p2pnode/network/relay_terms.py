"""What a relay gives away, checked when it is made."""

from dataclasses import dataclass

from p2pnode.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RelayTerms:
    """What a relay gives: places in all, circuits at once in all, and each circuit's bytes and seconds.

    The bytes of both directions count together.
    """

    reservations: int = 32
    circuits: int = 64
    bytes: int = 64 << 20
    seconds: int = 600

    def __post_init__(self) -> None:
        if min(self.reservations, self.circuits, self.bytes, self.seconds) < 1:
            raise ConfigError("network.relay_reservations, relay_mib and relay_seconds must be above zero")
