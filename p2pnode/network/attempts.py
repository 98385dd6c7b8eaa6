"""What became of dialling the peers to join by, and what to do about it, in words.

"Nobody answers" is the one message that must say why: which addresses were tried, how each of them failed
and what the operator can change.
"""

import errno
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import trio
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from libp2p.transport.exceptions import SecurityUpgradeFailure

from p2pnode.network.limits import Monotonic

MAX_ATTEMPTS = 64


class Cause(Enum):
    """Why an attempt failed: what happened, and the remedy."""

    REFUSED = (
        "nothing listens there (connection refused)",
        "the peer is down or has another port: ask its operator, or get a fresh list",
    )
    SILENT = (
        "no answer in time",
        "the machine is off or a firewall drops the packets: check that this machine may open TCP "
        "connections to that port",
    )
    NO_ROUTE = ("no route to that address", "check this machine's network connection")
    NO_NAME = ("the name could not be looked up", "check the name and this machine's DNS")
    NO_RECORD = (
        "the name has no dnsaddr record",
        'its owner must publish TXT records "dnsaddr=/ip4/.../p2p/..." at _dnsaddr.<name>',
    )
    OTHER_KEY = (
        "another key answers there than the peer ID names",
        "the list is out of date, or someone poses as the peer: get the list from its publisher",
    )
    CLOSED = (
        "it closed the connection in the handshake",
        "it is full, refuses this node, or is in another private network (network.psk_file): try again "
        "later or add other peers",
    )
    FILTERED = ("network.allow and network.deny forbid it", "change them, or remove the peer from the list")
    FULL = ("this node has its most connections", "raise network.max_connections")
    OTHER = ("", "see the log at level debug")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt on one address: the list it is from, how it failed (None: it connected), when."""

    address: str
    source: str
    cause: Cause | None
    detail: str
    at: float


class Attempts:
    """The last attempt on each of the 64 addresses tried most recently."""

    def __init__(self, now: Monotonic) -> None:
        self._now = now
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()

    def note(self, address: str, source: str, error: BaseException | None) -> None:
        """Remember how dialling `address` of the list `source` ended; None stands for success."""
        cause, detail = (None, "") if error is None else cause_of(error)
        self._attempts[address] = Attempt(address, source, cause, detail, self._now())
        self._attempts.move_to_end(address)
        if len(self._attempts) > MAX_ATTEMPTS:
            self._attempts.popitem(last=False)

    def all(self) -> list[Attempt]:
        """The attempts, oldest first."""
        return list(self._attempts.values())

    def words(self) -> str:
        """Several lines: what was tried, how it failed, and each remedy once."""
        attempts = self.all()
        if not attempts:
            return (
                "no peer to join by is known: set network.bootstrap to the address of one, to a list file or "
                "to /dnsaddr/<name>"
            )
        lines = [f"no peer answers; tried {len(attempts)}:"]
        remedies: dict[str, None] = {}
        for attempt in attempts:
            if attempt.cause is None:
                how = "connected, and the connection ended again"
                remedies["the peers are there but do not keep the connection: they may be full"] = None
            else:
                how = attempt.cause.value[0] or attempt.detail
                remedies[attempt.cause.value[1]] = None
            ago = max(0, round(self._now() - attempt.at))
            lines.append(f"  {attempt.address} ({attempt.source}), {ago} s ago: {how}")
        lines.append("what to do:")
        return "\n".join([*lines, *(f"  - {remedy}" for remedy in remedies)])


class Filtered(Exception):
    """The address filter forbids dialling; nothing was sent."""


class NoAddress(Exception):
    """Nothing to dial."""


class NameUnknown(Exception):
    """A DNS name could not be looked up."""


class NoRecord(Exception):
    """A DNS name exists, but holds no dnsaddr record."""


_BY_TYPE: tuple[tuple[type[BaseException], Cause], ...] = (
    (Filtered, Cause.FILTERED),
    (NameUnknown, Cause.NO_NAME),
    (NoRecord, Cause.NO_RECORD),
    (ConnectionRefusedError, Cause.REFUSED),
    (trio.TooSlowError, Cause.SILENT),
    (TimeoutError, Cause.SILENT),
    (PeerIDMismatchesPubkey, Cause.OTHER_KEY),
)


def cause_of(error: BaseException) -> tuple[Cause, str]:
    """The cause of a failed dial, and the innermost message of the library's chain of errors."""
    chain = list(_chain(error))
    detail = next((str(inner) for inner in reversed(chain) if str(inner)), type(error).__name__)
    for kind, cause in _BY_TYPE:
        if any(isinstance(inner, kind) for inner in chain):
            return cause, detail
    if any(getattr(inner, "errno", None) in (errno.ENETUNREACH, errno.EHOSTUNREACH) for inner in chain):
        return Cause.NO_ROUTE, detail
    if any("Maximum connections limit reached" in str(inner) for inner in chain):
        return Cause.FULL, detail
    if any(isinstance(inner, MultiselectClientError | SecurityUpgradeFailure) for inner in chain):
        return Cause.CLOSED, detail
    return Cause.OTHER, detail


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its causes and the members of its groups, outermost first."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _chain(inner)
        error = error.__cause__ or error.__context__
