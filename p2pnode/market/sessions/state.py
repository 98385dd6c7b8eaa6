"""The one list of states that a session can be in, and of the moves between them. Pure.

worker     OPEN -> SETTLING -> SETTLED
requester  OPEN -> ENDED -> SETTLED
"""

from collections.abc import Mapping
from enum import StrEnum

from p2pnode.errors import MarketError
from p2pnode.ports import Role


class SessionState(StrEnum):
    """How far a session is."""

    OPEN = "open"
    """Calls are made and answered."""
    ENDED = "ended"
    """The requester asks for no more; what it vouched for may yet be paid."""
    SETTLING = "settling"
    """The worker takes what it is owed to the chain."""
    SETTLED = "settled"
    """All that is owed is paid, or nothing was owed."""
    UNPAID = "unpaid"
    """The deadline passed before all was paid."""


_S = SessionState

TRANSITIONS: Mapping[Role, Mapping[SessionState, frozenset[SessionState]]] = {
    Role.REQUESTER: {
        _S.OPEN: frozenset({_S.OPEN, _S.ENDED}),
        _S.ENDED: frozenset({_S.ENDED, _S.SETTLED, _S.UNPAID}),
        _S.SETTLED: frozenset(),
        _S.UNPAID: frozenset(),
    },
    Role.WORKER: {
        _S.OPEN: frozenset({_S.OPEN, _S.SETTLING, _S.SETTLED}),
        _S.SETTLING: frozenset({_S.SETTLING, _S.SETTLED, _S.UNPAID}),
        _S.SETTLED: frozenset(),
        _S.UNPAID: frozenset(),
    },
}

MAY_BE_PAID = (SessionState.OPEN, SessionState.ENDED, SessionState.SETTLING)
"""States in which a session counts against its requester's escrow."""


def check_transition(role: Role, old: str, new: str) -> SessionState:
    """`new` as a state, if `role` may go there from `old`. Raises MarketError."""
    targets = TRANSITIONS[role].get(SessionState(old))
    if targets is None or new not in targets:
        allowed = ", ".join(sorted(targets or ())) or "nothing: it has ended"
        raise MarketError(f"a {role}'s session cannot go from {old} to {new}; allowed from there: {allowed}")
    return SessionState(new)
