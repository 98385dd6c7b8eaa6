"""One JSON-RPC endpoint over HTTP, off the event loop.

web3's provider blocks, so each call runs in a thread of a small limiter; a cancelled call is abandoned
there and ends with the HTTP timeout. Source: the Ethereum JSON-RPC specification (ethereum/execution-apis).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import trio
from web3 import HTTPProvider
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from p2pnode.errors import ChainError

MAX_WAIT: Final = 30.0
"""Longest seconds that an endpoint is left alone because it asked for it."""
_LIMIT_CODES: Final = (429, -32005, -32097)
"""JSON-RPC codes for "too many requests": HTTP's own, EIP-1474's limitExceeded, and one of providers."""
_LIMIT_WORDS: Final = ("rate limit", "too many requests", "request limit", "compute units")
# Typed by hand because libp2p brings trio-typing, whose stubs of an old Trio shadow Trio's own types.
_run_in_thread: Callable[..., Awaitable[Any]] = trio.to_thread.run_sync


class RpcError(ChainError):
    """The node answered with an error; `data` is the revert data when it gave any."""

    def __init__(self, method: str, message: str, data: bytes) -> None:
        super().__init__(f"{method}: {message}")
        self.message = message
        self.data = data


class Unavailable(ChainError):
    """No answer came; `wait` is for how many seconds the endpoint asks to be left alone."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = min(wait, MAX_WAIT)


class Endpoint:
    """One URL. What is known of its health is kept by `Rpc`, which chooses among endpoints."""

    def __init__(self, url: str, timeout: float, session: requests.Session, threads: int) -> None:
        parts = urlsplit(url)
        # The rest of a URL often holds the key of a paid endpoint, which is for no log.
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._provider = HTTPProvider(
            url, {"timeout": timeout}, session=session, exception_retry_configuration=None
        )
        self._limiter = trio.CapacityLimiter(threads)

    async def ask(self, method: str, params: list[Any]) -> Any:
        """The `result` of one call. Raises Unavailable, or RpcError when the node refuses."""
        try:
            response = await _run_in_thread(
                self._provider.make_request,
                RPCEndpoint(method),
                params,
                abandon_on_cancel=True,
                limiter=self._limiter,
            )
        except (requests.RequestException, Web3Exception, ValueError, OSError) as error:
            raise Unavailable(f"{self.name}: {method} failed: {self._short(error)}", _wait(error)) from error
        if not isinstance(response, dict):
            raise Unavailable(f"{self.name}: {method} got no JSON-RPC answer")
        problem = response.get("error")
        if problem is None:
            return response.get("result")
        code = problem.get("code") if isinstance(problem, dict) else None
        message = str(problem.get("message", "refused") if isinstance(problem, dict) else problem)
        if code in _LIMIT_CODES or any(word in message.lower() for word in _LIMIT_WORDS):
            raise Unavailable(f"{self.name}: {method} is limited: {message:.200}", 1.0)
        raise RpcError(method, message, _revert_data(problem))

    def _short(self, error: BaseException) -> str:
        text = f"{type(error).__name__}: {error}"
        return text.replace(str(self._provider.endpoint_uri), self.name)[:200]


def _wait(error: BaseException) -> float:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3); its form as a date counts as one second."""
    response = getattr(error, "response", None)
    if response is None or response.status_code not in (429, 503):
        return 0.0
    text = str(response.headers.get("Retry-After", "1"))
    return float(text) if text.isascii() and text.isdigit() else 1.0


def _revert_data(problem: Any) -> bytes:
    # Nodes disagree on where the revert data is: error.data, error.data.data or error.data.result.
    while isinstance(problem, dict):
        problem = problem.get("data") or problem.get("result")
    if isinstance(problem, str):
        text = problem.split()[-1] if problem else ""
        try:
            return bytes.fromhex(text.removeprefix("0x")) if text.startswith("0x") else b""
        except ValueError:
            return b""
    return b""
