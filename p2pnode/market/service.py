"""How the market's services live: a loop in a nursery of their own, ended when the context is left."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def background(run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `run` until the context is left.

    An error of the body reaches the caller as it is; one of `run` cancels the body and comes as Trio's
    exception group.
    """
    error: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        try:
            yield
        except Exception as raised:
            # Raised again below: through the nursery it would be wrapped in a group.
            error = raised
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
