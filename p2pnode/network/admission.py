"""Who may connect: how many connections, and how fast, from one place.

A place is an IPv4 address or an IPv6 /64, since one subscriber has at least that much. Allow and deny lists
are the library's connection gate; this is what it lacks.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from libp2p.network.exceptions import SwarmException

from p2pnode.network.limits import Monotonic, RateLimit

RATE = 4.0
"""New connections a second and place; a handshake costs about 2 ms of CPU."""
BURST = 64


class Admission:
    """Counts the open inbound connections of each place, handshakes included."""

    def __init__(self, max_per_ip: int, now: Monotonic) -> None:
        self._max = max_per_ip
        self._rate = RateLimit(RATE, BURST, now)
        self._open: Counter[str] = Counter()

    @contextmanager
    def admit(self, remote: tuple[str, int] | None) -> Iterator[None]:
        """Hold a connection from `remote` while in the context; SwarmException when it is one too many."""
        place = place_of(remote)
        if self._open[place] >= self._max or not self._rate.take(place):
            raise SwarmException(f"too many connections from {place}")
        self._open[place] += 1
        try:
            yield
        finally:
            self._open[place] -= 1
            if not self._open[place]:
                del self._open[place]

    def count(self, remote: tuple[str, int]) -> int:
        """Open inbound connections of the place that `remote` is in."""
        return self._open[place_of(remote)]


def place_of(remote: tuple[str, int] | None) -> str:
    """The place that `remote` is in."""
    if remote is None:
        return "unknown"
    address = ipaddress.ip_address(remote[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
