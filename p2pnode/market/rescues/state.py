"""The one list of states that a rescue can be in, and of the moves between them. Pure.

worker     TAKEN -> PROVED -> SETTLING -> RESCUED
requester  RESCUED, by another's hand
"""

from collections.abc import Mapping
from enum import StrEnum

from p2pnode.errors import MarketError


class RescueState(StrEnum):
    """How far a rescue is."""

    TAKEN = "taken"
    """Checked and worth it: it waits for its proof, or is being proved."""
    PROVED = "proved"
    SETTLING = "settling"
    """On its way to the chain."""
    RESCUED = "rescued"
    """Paid for."""
    GIVEN_UP = "given-up"
    """Ended without pay; the reason begins with a `GiveUp`."""


class GiveUp(StrEnum):
    """Why a rescue came to nothing."""

    OUTRUN = "outrun"
    """Another was paid for the task."""
    TOO_LATE = "too-late"
    """The rescue window ended first."""
    UNRUNNABLE = "unrunnable"
    """The model cannot be run on the published input."""
    UNPROVABLE = "unprovable"
    """The prover failed as often as it is tried."""


_S = RescueState

TRANSITIONS: Mapping[RescueState, frozenset[RescueState]] = {
    _S.TAKEN: frozenset({_S.PROVED, _S.GIVEN_UP}),
    _S.PROVED: frozenset({_S.SETTLING, _S.GIVEN_UP}),
    _S.SETTLING: frozenset({_S.RESCUED, _S.GIVEN_UP}),
    _S.RESCUED: frozenset(),
    _S.GIVEN_UP: frozenset(),
}

OPEN = (_S.TAKEN, _S.PROVED, _S.SETTLING)
"""States in which a rescue holds one of the worker's places."""


def check_transition(old: str, new: str) -> RescueState:
    """`new` as a state, if a rescue may go there from `old`. Raises MarketError."""
    targets = TRANSITIONS[RescueState(old)]
    if new not in targets:
        allowed = ", ".join(sorted(targets)) or "nothing: it has ended"
        raise MarketError(f"a rescue cannot go from {old} to {new}; allowed from there: {allowed}")
    return RescueState(new)
