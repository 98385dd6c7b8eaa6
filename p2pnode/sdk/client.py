"""The asynchronous client, for asyncio and Trio alike: httpx runs on whichever loop there is."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import anyio
import httpx

from p2pnode.amounts import JOY
from p2pnode.errors import P2PNodeError
from p2pnode.sdk.errors import ApiError, raised
from p2pnode.sdk.progress import Progress, show_progress
from p2pnode.sdk.result import Inference, Model, read_inference, read_model
from p2pnode.sdk.session import Session
from p2pnode.sdk.tensors import InputArray, tensors_of
from p2pnode.tokens import read_tokens

DEFAULT_URL: Final = "http://127.0.0.1:8420"
DEFAULT_TOKEN_FILE: Final = Path("~/.p2pnode/api.token")


class Client:
    """A client of the node at `url`. The token is `token`, else the first one of `token_file`.

        async with p2pnode.Client() as c:
            result = await c.infer("digits", image)

    `progress` shows a line for each inference that runs: True, False, or None for "where somebody looks".
    Raises P2PNodeError; a message says what to do.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        progress: bool | None = None,
        timeout: float = 30.0,
    ) -> None:
        if token is None:
            path = Path(token_file) if token_file is not None else DEFAULT_TOKEN_FILE
            found = path.expanduser()
            # A node that is open needs none, so a missing default is no error yet.
            token = read_tokens(found)[0] if token_file is not None or found.exists() else None
        self._url = url.rstrip("/")
        self._progress = progress
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # An answer takes as long as the market does; the node ends the wait, not this end.
        limits = httpx.Timeout(timeout, read=None)
        self._http = httpx.AsyncClient(base_url=self._url, headers=headers, timeout=limits, trust_env=False)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._http.__aexit__(kind, error, traceback)

    async def infer(
        self,
        model: str,
        inputs: InputArray | Mapping[str, InputArray],
        *,
        price_max: float | Decimal | None = None,
        wait: str = "answered",
    ) -> Inference:
        """Have `model` (CID or name) run on `inputs` by a stranger, who is paid at most `price_max` JOY.

        An array is converted to the type that the model takes if no value changes. Returns with the answer;
        with `wait="settled"` once the proof is on the chain and there is a receipt.
        """
        described = await self.model(model)
        parameters: dict[str, Any] = {"wait": wait}
        if price_max is not None:
            parameters["price_max"] = str(int(Decimal(str(price_max)) * JOY))
        body = {"inputs": tensors_of(described, inputs), "parameters": parameters}
        with show_progress(self._progress, described.name) as progress:
            return read_inference(await self._stream_infer(model, body, progress))

    async def map(
        self, model: str, inputs: Sequence[InputArray], *, at_once: int = 16, **options: Any
    ) -> list[Inference]:
        """`infer` on each of `inputs`, `at_once` at a time; the results are in their order."""
        results: list[Inference | None] = [None] * len(inputs)
        limit = anyio.CapacityLimiter(at_once)

        async def one(index: int) -> None:
            async with limit:
                results[index] = await self.infer(model, inputs[index], **options)

        try:
            async with anyio.create_task_group() as group:
                for index in range(len(inputs)):
                    group.start_soon(one, index)
        except BaseExceptionGroup as failed:
            # One reason is enough, and easier to catch.
            known = [error for error in failed.exceptions if isinstance(error, P2PNodeError)]
            if len(known) == len(failed.exceptions):
                raise known[0] from None
            raise
        return [result for result in results if result is not None]

    @asynccontextmanager
    async def session(
        self,
        model: str,
        *,
        price_per_call: float | Decimal,
        most_calls: int,
        opening_fee_max: float | Decimal | None = None,
        seconds: int = 3600,
    ) -> AsyncIterator[Session]:
        """A session with one worker for up to `most_calls` calls of `model` at `price_per_call` JOY each.

            async with c.session("digits", price_per_call=0.0001, most_calls=1000) as s:
                for image in images:
                    result = await s.infer(image)

        The escrow must hold the model's fee for all calls too, and the worker's opening fee, which is due
        once. Calls are made within `seconds`; leaving the context pays for those that were made.
        """
        described = await self.model(model)
        body: dict[str, Any] = {"model": described.cid, "most_calls": most_calls, "seconds": seconds}
        body["price_per_call"] = str(int(Decimal(str(price_per_call)) * JOY))
        if opening_fee_max is not None:
            body["opening_fee_max"] = str(int(Decimal(str(opening_fee_max)) * JOY))
        session = Session(described, await self._post("/v2/sessions", body), self._post)
        try:
            yield session
        finally:
            with anyio.CancelScope(shield=True):
                await self._json("DELETE", f"/v2/sessions/{session.session}")

    async def model(self, model: str) -> Model:
        """What a model takes, gives and costs."""
        return read_model(await self._json("GET", f"/v2/models/{quote(model, safe='')}"))

    async def models(self) -> list[tuple[str, str]]:
        """(name, CID) of the models that were announced on the network."""
        return [(item["name"], item["cid"]) for item in await self._json("POST", "/v2/repository/index")]

    async def task(self, task: str | Inference) -> Mapping[str, Any]:
        """Where a task stands, and the way it took."""
        found: Mapping[str, Any] = await self._json("GET", f"/v2/tasks/{_id(task)}")
        return found

    async def receipt(self, task: str | Inference) -> str:
        """The receipt file of a settled task; `p2pnode verify` checks it anywhere."""
        response = await self._request("GET", f"/v2/receipts/{_id(task)}")
        return response.text

    async def verify(self, task: str | Inference) -> Mapping[str, Any]:
        """Have the node check the receipt again, proof and all: {"valid": bool, "checks": [...]}."""
        found: Mapping[str, Any] = await self._json("POST", f"/v2/receipts/{_id(task)}/verify")
        return found

    async def status(self) -> Mapping[str, Any]:
        """The node: peers, models, open tasks."""
        found: Mapping[str, Any] = await self._json("GET", "/v2/status")
        return found

    async def _stream_infer(
        self, model: str, body: Mapping[str, Any], progress: Progress
    ) -> Mapping[str, Any]:
        path = f"/v2/models/{quote(model, safe='')}/infer"
        headers = {"Accept": "text/event-stream"}
        ended: tuple[str, Mapping[str, Any]] | None = None
        async with self._opened("POST", path, json=body, headers=headers) as response:
            # To its end, which comes right after: httpx leaves a stream that is left early unclosed.
            async for name, fields in _events(response):
                if name in ("result", "error"):
                    ended = name, fields
                else:
                    progress(name, fields)
        if ended is None:
            raise ApiError("the node ended before it answered; the task goes on when it runs again")
        if ended[0] == "error":
            raise raised(ended[1], int(ended[1].get("status", 500)))
        return ended[1]

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        async with self._opened("POST", path, json=body) as response:
            found: Mapping[str, Any] = json.loads(await response.aread())
            return found

    async def _json(self, method: str, path: str) -> Any:
        return (await self._request(method, path)).json()

    async def _request(self, method: str, path: str) -> httpx.Response:
        async with self._opened(method, path) as response:
            await response.aread()
            return response

    @asynccontextmanager
    async def _opened(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        try:
            async with self._http.stream(method, path, **options) as response:
                if response.is_error:
                    await response.aread()
                    raise raised(_object(response), response.status_code)
                yield response
        except httpx.HTTPError as error:
            raise ApiError(
                f"{self._url}: no node answers ({type(error).__name__}); start it with `p2pnode run`, and "
                "see api.enabled and api.listen in its configuration"
            ) from error


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": f"status {response.status_code} without a reason"}


def _id(task: str | Inference) -> str:
    return task.task_id if isinstance(task, Inference) else quote(task, safe="")
