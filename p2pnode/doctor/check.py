"""One finding of the doctor."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum

from p2pnode.config import Config

LOOK_SECONDS = 45
"""The longest that one examination may take."""


class Outcome(StrEnum):
    """WARN is what works now and may not for long; FAIL is what keeps the node from its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is stable, for monitoring; `found` says what is, `fix` what to do unless all is well."""

    name: str
    outcome: Outcome
    found: str
    fix: str = ""


Examination = Callable[[Config], AsyncIterator[Check]]
"""Yields its checks; what it raises of P2PNodeError becomes one that failed."""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, Outcome.OK, found)


def warn(name: str, found: str, fix: str) -> Check:
    """Works, with a reservation."""
    return Check(name, Outcome.WARN, found, fix)


def fail(name: str, found: str, fix: str) -> Check:
    """Does not work."""
    return Check(name, Outcome.FAIL, found, fix)
