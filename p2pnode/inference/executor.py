"""The Executor port over ONNX Runtime: models run in threads, under a deadline, and end when cancelled."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import trio

from p2pnode.errors import InferenceError, ProtocolError
from p2pnode.inference.model import ModelInfo
from p2pnode.inference.sample import sample_input
from p2pnode.inference.sessions import Session, SessionCache, check_inputs, open_session, run_options
from p2pnode.protocol.tensors import decode_tensors, encode_tensors, require_finite

T = TypeVar("T")

DEFAULT_MEMORY = 512 * 1024 * 1024
"""Bytes of loaded models that are kept."""
DEFAULT_SECONDS = 60.0
"""How long one run may take."""


class OnnxExecutor:
    """Runs ONNX models. Implements `ports.Executor`."""

    def __init__(self, memory: int, threads: int, seconds: float) -> None:
        self._sessions = SessionCache(memory)
        self._loading = trio.Lock()
        self._threads = trio.CapacityLimiter(threads)
        self._seconds = seconds

    async def load(self, model: Path) -> None:
        """Check and load a model. Raises InferenceError that names what is unsupported."""
        await self._session(model)

    async def describe(self, model: Path) -> ModelInfo:
        """What the model takes and gives. Raises InferenceError."""
        return (await self._session(model)).info

    async def is_exact(self, model: Path) -> bool:
        """See `ports.Executor`. Raises InferenceError."""
        return (await self.describe(model)).exact

    async def sample(self, model: Path) -> bytes:
        """An input that the model takes, encoded. Raises InferenceError for an input of open rank."""
        return await self._in_thread(sample_input, await self.describe(model))

    async def run(self, model: Path, tensors: bytes) -> bytes:
        """Outputs of `model`, canonically encoded.

        Raises InferenceError for a model or an input that cannot be run, and when it takes too long.
        """
        session = await self._session(model)
        options = run_options()
        try:
            with trio.fail_after(self._seconds):
                return await self._in_thread(_run, session, tensors, options)
        except trio.TooSlowError:
            raise InferenceError(f"model took longer than {self._seconds:g} s; it was stopped") from None
        finally:
            # Nobody waits for an abandoned thread: this makes it end at its next node.
            options.terminate = True

    async def _session(self, model: Path) -> Session:
        key = SessionCache.key(model)
        session = self._sessions.get(key)
        if session is not None:
            return session
        async with self._loading:
            session = self._sessions.get(key)
            if session is None:
                session = await self._in_thread(open_session, model)
                self._sessions.add(key, session)
            return session

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        result: T = await trio.to_thread.run_sync(
            function,
            *arguments,
            abandon_on_cancel=True,  # type: ignore[call-arg]  # trio-typing's stubs predate the name
            limiter=self._threads,
        )
        return result


def _run(session: Session, encoded: bytes, options: object) -> bytes:
    try:
        tensors = decode_tensors(encoded)
        require_finite(tensors)
    except ProtocolError as error:
        raise InferenceError(f"input: {error}") from error
    check_inputs(session.info.inputs, tensors)
    session.info.check_run({name: array.shape for name, array in tensors.items()})
    try:
        return encode_tensors(session.run(tensors, options))
    except ProtocolError as error:
        raise InferenceError(f"output: {error}") from error


@asynccontextmanager
async def open_executor(
    *, memory: int = DEFAULT_MEMORY, threads: int = 2, seconds: float = DEFAULT_SECONDS
) -> AsyncIterator[OnnxExecutor]:
    """An executor that keeps up to `memory` bytes of models and runs `threads` at a time.

    One run may take `seconds`. Nothing outlives the context but threads that were told to end.
    """
    yield OnnxExecutor(memory, threads, seconds)
