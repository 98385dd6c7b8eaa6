"""Time that tests make jump."""

import trio

START = 1_800_000_000


class FakeClock:
    """Seconds of Trio's clock, which tests make jump."""

    def now(self) -> int:
        return START + int(trio.current_time())

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
