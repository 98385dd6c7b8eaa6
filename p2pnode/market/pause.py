"""Stops a worker from promising more after it failed several times in a row."""

from p2pnode.market.refusal import Refusal
from p2pnode.protocol.messages import DeclineCode


class Pause:
    """Counts failures of this worker's own; a proof that is settled sets the count back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._failures: list[str] = []

    @property
    def reason(self) -> str:
        """Why no bids are made, and what ends that; empty while bids are made."""
        if len(self._failures) < self._most:
            return ""
        return (
            f"{len(self._failures)} failures in a row, the last one: {self._failures[-1]}; "
            "`p2pnode node resume` bids again"
        )

    def failed(self, reason: str) -> None:
        """Count a proof or a settlement that failed."""
        self._failures.append(reason)

    def succeeded(self) -> None:
        """Forget the failures: also how an operator resumes."""
        self._failures.clear()

    def check(self) -> None:
        """Raises Refusal while paused; the reason is for the operator, not for strangers."""
        if self.reason:
            raise Refusal(DeclineCode.PAUSED, "this worker has paused after failures of its own")
