"""The source of time."""

from typing import Protocol


class Clock(Protocol):
    """The only source of time for domain code."""

    def now(self) -> int:
        """Seconds since the epoch, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
