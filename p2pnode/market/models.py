"""Models that a worker can run: fetched once by digest, checked by the executor, remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import trio

from p2pnode.errors import BlobError, InferenceError
from p2pnode.market.refusal import Refusal
from p2pnode.ports import Blobs, Clock, Executor
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.messages import DeclineCode
from p2pnode.protocol.schema import MAX_HELD_MODELS

_FAILURE_SECONDS = 30
_MOST_FAILURES = 1024


class ModelShelf:
    """Prepared models by digest. A failure is remembered for a while, so that a burst of offers for a
    model that cannot be had or run costs one try."""

    def __init__(self, blobs: Blobs, executor: Executor, clock: Clock, max_size: int) -> None:
        self._blobs = blobs
        self._executor = executor
        self._clock = clock
        self._max_size = max_size
        self._ready: dict[bytes, Path] = {}
        self._failed: OrderedDict[bytes, tuple[int, Refusal]] = OrderedDict()
        self._locks: WeakValueDictionary[bytes, trio.Lock] = WeakValueDictionary()

    def held(self) -> tuple[bytes, ...]:
        """Digests of the newest prepared models, as many as a heartbeat takes."""
        return tuple(self._ready)[-MAX_HELD_MODELS:]

    async def prepare(self, digest: bytes, peers: Sequence[str]) -> Path:
        """Path of the model, fetched from `peers` or the network if need be, loaded and checked.

        Raises Refusal with MODEL_UNAVAILABLE or MODEL_UNSUPPORTED.
        """
        lock = self._locks.setdefault(digest, trio.Lock())
        async with lock:
            if digest in self._ready:
                return self._ready[digest]
            since, failure = self._failed.get(digest, (0, None))
            if failure is not None and self._clock.now() - since < _FAILURE_SECONDS:
                raise Refusal(failure.code, failure.reason)
            try:
                self._ready[digest] = await self._fetch(digest, peers)
            except Refusal as refusal:
                self._failed[digest] = (self._clock.now(), refusal)
                self._failed.move_to_end(digest)
                if len(self._failed) > _MOST_FAILURES:
                    self._failed.popitem(last=False)
                raise
            return self._ready[digest]

    async def _fetch(self, digest: bytes, peers: Sequence[str]) -> Path:
        try:
            path = await self._blobs.get(digest, max_size=self._max_size, peers=peers)
        except BlobError as error:
            raise Refusal(DeclineCode.MODEL_UNAVAILABLE, f"model {to_cid(digest)}: {error}") from error
        try:
            await self._executor.load(path)
        except InferenceError as error:
            raise Refusal(DeclineCode.MODEL_UNSUPPORTED, f"model {to_cid(digest)}: {error}") from error
        return path
