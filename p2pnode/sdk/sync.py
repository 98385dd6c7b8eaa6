"""The same client for programs without an event loop, and for notebooks that do not want `await`."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from p2pnode.sdk.client import Client
from p2pnode.sdk.result import Inference, Model
from p2pnode.sdk.session import Session
from p2pnode.sdk.tensors import InputArray

T = TypeVar("T")

_UNOPENED: Final = "use it as a context: `with p2pnode.SyncClient() as c:`"


class SyncSession:
    """`Session` with a plain method."""

    def __init__(self, session: Session, portal: BlockingPortal) -> None:
        self.asynchronous = session
        self._portal = portal

    def infer(self, inputs: InputArray | Mapping[str, InputArray]) -> Inference:
        """See `Session.infer`."""
        return self._portal.call(self.asynchronous.infer, inputs)


class SyncClient:
    """`Client` with plain methods; takes the same arguments.

        with p2pnode.SyncClient() as c:
            result = c.infer("digits", image)

    Runs the asynchronous one in a thread of its own, so that it works where a loop is running already.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._client = Client(*arguments, **options)
        self._opening = start_blocking_portal("asyncio")
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        self._portal = self._opening.__enter__()
        self._call(self._client.__aenter__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._call(self._client.__aexit__)
        self._opening.__exit__(None, None, None)
        self._portal = None

    def infer(self, model: str, inputs: InputArray | Mapping[str, InputArray], **options: Any) -> Inference:
        """See `Client.infer`."""
        return self._call(lambda: self._client.infer(model, inputs, **options))

    def map(self, model: str, inputs: Sequence[InputArray], **options: Any) -> list[Inference]:
        """See `Client.map`."""
        return self._call(lambda: self._client.map(model, inputs, **options))

    def model(self, model: str) -> Model:
        """See `Client.model`."""
        return self._call(lambda: self._client.model(model))

    def models(self) -> list[tuple[str, str]]:
        """See `Client.models`."""
        return self._call(self._client.models)

    def task(self, task: str | Inference) -> Mapping[str, Any]:
        """See `Client.task`."""
        return self._call(lambda: self._client.task(task))

    def receipt(self, task: str | Inference) -> str:
        """See `Client.receipt`."""
        return self._call(lambda: self._client.receipt(task))

    def verify(self, task: str | Inference) -> Mapping[str, Any]:
        """See `Client.verify`."""
        return self._call(lambda: self._client.verify(task))

    def status(self) -> Mapping[str, Any]:
        """See `Client.status`."""
        return self._call(self._client.status)

    @contextmanager
    def session(self, model: str, **options: Any) -> Iterator["SyncSession"]:
        """See `Client.session`."""
        if self._portal is None:
            raise RuntimeError(_UNOPENED)
        opening = self._client.session(model, **options)
        with self._portal.wrap_async_context_manager(opening) as session:
            yield SyncSession(session, self._portal)

    def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        if self._portal is None:
            raise RuntimeError(_UNOPENED)

        async def run() -> T:
            return await call()

        return self._portal.call(run)
