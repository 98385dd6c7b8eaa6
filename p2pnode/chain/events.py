"""Events of the contracts, from the past and as they come."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
import trio

from p2pnode.background import open_background
from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.rpc import Rpc
from p2pnode.errors import ChainError

CHUNK: Final = 2000
"""Blocks of one log query; public nodes refuse much longer ranges."""
BUFFER: Final = 256

log = structlog.get_logger()


async def read_events(
    rpc: Rpc, contracts: Sequence[Contract], first: int, last: int, topics: Sequence[object] = ()
) -> Sequence[Event]:
    """Events of `contracts` in the blocks `first` to `last`, both included, in the chain's order."""
    events: list[Event] = []
    for start in range(first, last + 1, CHUNK):
        logs = await rpc.logs(
            [contract.address for contract in contracts], start, min(last, start + CHUNK - 1), topics
        )
        for entry in logs:
            for contract in contracts:
                events.extend(contract.events([entry]))
    return events


@asynccontextmanager
async def open_events(
    rpc: Rpc, contracts: Sequence[Contract], first: int, confirmations: int, poll_seconds: float
) -> AsyncIterator[trio.MemoryReceiveChannel[Event]]:
    """Every event from block `first` on, once each, when it has `confirmations`.

    Ends with the context; while the chain cannot be reached it waits and goes on where it stopped.
    """
    sending, receiving = trio.open_memory_channel[Event](BUFFER)
    watch = partial(_watch, rpc, contracts, first, confirmations, poll_seconds, sending)
    async with open_background(watch), receiving:
        yield receiving


async def _watch(
    rpc: Rpc,
    contracts: Sequence[Contract],
    first: int,
    confirmations: int,
    poll_seconds: float,
    sending: trio.MemorySendChannel[Event],
) -> None:
    async with sending:
        while True:
            try:
                last = await rpc.block_number() - confirmations + 1
                events = await read_events(rpc, contracts, first, last)
            except ChainError as error:
                log.warning("chain.unreachable", reason=str(error))
            else:
                for event in events:
                    await sending.send(event)
                first = max(first, last + 1)
            await trio.sleep(poll_seconds)
