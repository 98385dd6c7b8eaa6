"""Reads the pool's events from the chain into a wallet: resumable, and right after reorganisations.

All events are asked for, whoever they concern. After each stretch of blocks the hash of its last block is
remembered; the next run first finds the newest remembered block that the chain still has.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from p2pnode.errors import ChainError
from p2pnode.jsc.pool import PoolEvent
from p2pnode.jsc.wallet import CHECKPOINTS, Owned, Wallet
from p2pnode.jsc.wallet_file import Position

STRETCH: Final = 2000
"""Blocks of one query."""


class PoolSource(Protocol):
    """What a wallet asks of the chain."""

    async def head(self) -> int:
        """Number of the newest block that counts as confirmed."""

    async def block_hash(self, block: int) -> bytes | None:
        """Hash of a block, None when there is none yet."""

    async def pool_events(self, first: int, last: int) -> Sequence[PoolEvent]:
        """All events of the pool in the blocks `first` to `last`, in order."""


Progress = Callable[[int, int], None]
"""Told (blocks read, blocks to read) after each stretch."""


async def sync(
    wallet: Wallet,
    position: Position,
    source: PoolSource,
    *,
    save: Callable[[], None],
    truncated: Callable[[], None],
    progress: Progress | None = None,
) -> list[Owned]:
    """Bring `wallet` up to the chain's head and return the notes that came. Raises ChainError.

    `save` is called after each stretch, so that an interrupted scan goes on where it was; `truncated` when
    events were taken back.
    """
    first = await _common_block(wallet, position, source, truncated) + 1
    head = await source.head()
    found: list[Owned] = []
    start = first
    while start <= head:
        last = min(head, start + STRETCH - 1)
        before = await source.block_hash(last)
        events = await source.pool_events(start, last)
        if before is None or await source.block_hash(last) != before:
            raise ChainError("the chain was reorganised during the scan; sync again")
        for event in events:
            found += wallet.add(event)
        position.checkpoints.append((last, before))
        del position.checkpoints[:-CHECKPOINTS]
        save()
        if progress is not None:
            progress(last - first + 1, head - first + 1)
        start = last + 1
    return found


async def _common_block(
    wallet: Wallet, position: Position, source: PoolSource, truncated: Callable[[], None]
) -> int:
    """The newest block that wallet and chain share; what came after it is taken back."""
    dropped = False
    while position.checkpoints:
        block, digest = position.checkpoints[-1]
        if await source.block_hash(block) == digest:
            break
        position.checkpoints.pop()
        dropped = True
    block = position.checkpoints[-1][0] if position.checkpoints else wallet.pool.genesis_block
    if dropped:
        wallet.roll_back(block + 1)
        truncated()
    return block
