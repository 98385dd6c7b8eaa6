"""How long a call of a model takes this worker, so that a slow model is not sold at a quick one's price."""

import hashlib
import math
from pathlib import Path

import trio

from p2pnode.errors import InferenceError
from p2pnode.market.answers import Answers
from p2pnode.market.refusal import Refusal
from p2pnode.ports import Executor, ProofTask
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.messages import DeclineCode


class CallPace:
    """Measures a model by one call of it, once."""

    def __init__(self, executor: Executor, answers: Answers) -> None:
        self._executor = executor
        self._answers = answers
        self._known: dict[bytes, int] = {}
        self._measuring = trio.Lock()

    async def seconds(self, digest: bytes, model: Path) -> int:
        """Started seconds of a call, at least 1.

        Raises Refusal with MODEL_UNSUPPORTED where a call cannot be answered as a proof would have it.
        """
        async with self._measuring:
            if digest not in self._known:
                try:
                    self._known[digest] = await self._measured(digest, model)
                except InferenceError as error:
                    reason = f"model {to_cid(digest)} cannot be called here: {error}"
                    raise Refusal(DeclineCode.MODEL_UNSUPPORTED, reason) from error
            return self._known[digest]

    async def _measured(self, digest: bytes, model: Path) -> int:
        tensors = await self._executor.sample(model)
        # The first run of a model also loads it.
        await self._executor.run(model, tensors)
        started = trio.current_time()
        await self._answers.call(model, ProofTask(hashlib.sha256(b"call" + digest).digest(), tensors))
        return max(1, math.ceil(trio.current_time() - started))
