"""The one list of states that a task can be in, and of the moves between them.

    requester  OFFERED -> AWARDED (again on failover) -> ANSWERED (again by the one that is paid) -> SETTLED
    worker     BID -> AWARDED -> ANSWERED -> PROVING -> PROVED -> SETTLING -> SETTLED

Everything else is a way of ending early, or a late recovery: a worker that holds an award can settle it
whether or not its requester got the answer, and past its deadline while the award is under report. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum

from p2pnode.errors import MarketError
from p2pnode.ports import Role


class TaskState(StrEnum):
    """How far a task is."""

    OFFERED = "offered"
    BID = "bid"
    AWARDED = "awarded"
    ANSWERED = "answered"
    PROVING = "proving"
    PROVED = "proved"
    SETTLING = "settling"
    SETTLED = "settled"
    UNBID = "unbid"
    """Nobody bid in time."""
    UNANSWERED = "unanswered"
    """Every awarded worker declined or fell silent."""
    UNSETTLED = "unsettled"
    """Answered, but not settled by the deadline: nothing was paid."""
    REPORTED = "reported"
    """Its worker is under report: the price is set aside on chain until that is over."""
    LOST = "lost"
    """The bid ran out without an award."""
    DECLINED = "declined"
    """The award's input could not be run."""
    MISSED = "missed"
    """Awarded, but the worker did not make a deadline."""
    SKIPPED = "skipped"
    """The contract left this task out of its batch and said why."""


_S = TaskState

TRANSITIONS: Mapping[Role, Mapping[TaskState, frozenset[TaskState]]] = {
    Role.REQUESTER: {
        _S.OFFERED: frozenset({_S.AWARDED, _S.UNBID}),
        _S.AWARDED: frozenset({_S.AWARDED, _S.ANSWERED, _S.UNANSWERED, _S.SETTLED}),
        _S.ANSWERED: frozenset({_S.ANSWERED, _S.SETTLED, _S.UNSETTLED}),
        _S.UNANSWERED: frozenset({_S.ANSWERED, _S.SETTLED, _S.REPORTED}),
        _S.SETTLED: frozenset(),
        _S.UNBID: frozenset(),
        _S.UNSETTLED: frozenset({_S.REPORTED, _S.SETTLED}),
        _S.REPORTED: frozenset({_S.ANSWERED, _S.UNANSWERED, _S.UNSETTLED, _S.SETTLED}),
    },
    Role.WORKER: {
        _S.BID: frozenset({_S.AWARDED, _S.LOST}),
        _S.AWARDED: frozenset({_S.ANSWERED, _S.DECLINED, _S.MISSED}),
        _S.ANSWERED: frozenset({_S.PROVING, _S.MISSED}),
        _S.PROVING: frozenset({_S.PROVED, _S.ANSWERED, _S.MISSED}),
        _S.PROVED: frozenset({_S.SETTLING, _S.MISSED}),
        _S.SETTLING: frozenset({_S.SETTLED, _S.SKIPPED, _S.MISSED}),
        _S.SETTLED: frozenset(),
        _S.LOST: frozenset({_S.AWARDED}),
        _S.DECLINED: frozenset(),
        _S.MISSED: frozenset({_S.AWARDED, _S.ANSWERED}),
        _S.SKIPPED: frozenset({_S.ANSWERED}),
    },
}

INITIAL: Mapping[Role, TaskState] = {Role.REQUESTER: TaskState.OFFERED, Role.WORKER: TaskState.BID}

OPEN: Mapping[Role, frozenset[TaskState]] = {
    Role.REQUESTER: frozenset({_S.OFFERED, _S.AWARDED, _S.ANSWERED}),
    Role.WORKER: frozenset({_S.BID, _S.AWARDED, _S.ANSWERED, _S.PROVING, _S.PROVED, _S.SETTLING}),
}
"""States in which a task still holds capacity (worker) or escrow (both)."""


def check_transition(role: Role, old: str, new: str) -> TaskState:
    """`new` as a state, if `role` may go there from `old`. Raises MarketError."""
    legal = TRANSITIONS[role]
    if old not in legal:
        raise MarketError(f"{old!r} is not a state of a {role}; use one of {', '.join(legal)}")
    targets = legal[TaskState(old)]
    if new not in targets:
        allowed = ", ".join(sorted(targets)) or "nothing: it has ended"
        raise MarketError(f"a {role}'s task cannot go from {old} to {new}; allowed from there: {allowed}")
    return TaskState(new)
