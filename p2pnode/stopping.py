"""Ends a long-running command cleanly on Ctrl-C and on SIGTERM."""

import signal
from collections.abc import Awaitable, Callable

import trio

from p2pnode.background import open_background


def run_until_stopped(main: Callable[..., Awaitable[object]], *arguments: object) -> None:
    """Run `main` under Trio; SIGINT or SIGTERM cancels it, so that everything it opened is closed."""
    trio.run(_run, main, arguments)


async def _run(main: Callable[..., Awaitable[object]], arguments: tuple[object, ...]) -> None:
    with trio.CancelScope() as scope:

        async def stop() -> None:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _ in signals:
                    scope.cancel()
                    return

        async with open_background(stop):
            await main(*arguments)
