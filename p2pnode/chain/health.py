"""What an endpoint is asked before anything hangs on it: by `p2pnode doctor`, and before a deployment.

Apart from `rpc`, which hides the single endpoint and its faults: here they are what is looked for.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar

import requests
import trio

from p2pnode.chain.deployment import Deployment
from p2pnode.chain.events import CHUNK
from p2pnode.errors import ChainError

T = TypeVar("T")

# Typed by hand because libp2p brings trio-typing, whose stubs of an old Trio shadow Trio's own types.
_run_in_thread: Callable[..., Awaitable[Any]] = trio.to_thread.run_sync

TRANSACTION_GAS: Final = 1 << 24
"""Most gas of one transaction (EIP-7825); a settlement may come near it."""
SETTLEMENT_BYTES: Final = 320 << 10
"""Calldata of a full batch: a seal of 220 KiB and the awards."""


@dataclass(frozen=True, slots=True)
class RpcHealth:
    """What was found. Times are seconds UTC; `server_time` is the endpoint's own clock, if it tells it.

    `log_problem` and `size_problem` hold the endpoint's words where it refuses what the node will ask.
    """

    chain_id: int
    block: int
    block_time: int
    gas_limit: int
    syncing: bool
    server_time: int | None
    log_problem: str
    size_problem: str


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account could send: chain, wei, and what a unit of gas costs now with a usual tip."""

    chain_id: int
    balance: int
    gas_price: int


async def inspect_rpc(url: str, timeout: float, deployment: Deployment) -> RpcHealth:
    """Ask the endpoint at `url`. Raises ChainError when it does not answer as an Ethereum node."""
    return await _in_thread(partial(_inspect, url, timeout, deployment))


async def inspect_purse(url: str, account: bytes, timeout: float = 30) -> Purse:
    """Ask what `account` has. Raises ChainError."""
    return await _in_thread(partial(_purse, url, timeout, account))


async def _in_thread(ask: Callable[[], T]) -> T:
    try:
        found: T = await _run_in_thread(ask, abandon_on_cancel=True)
        return found
    except (KeyError, TypeError, ValueError) as error:
        raise ChainError(
            f"chain.rpc_url: an answer has an unexpected form ({error!r:.100}); is it an Ethereum node?"
        ) from error


class _Endpoint:
    """One endpoint, one call at a time."""

    def __init__(self, url: str, timeout: float, session: requests.Session) -> None:
        self._url = url
        self._timeout = timeout
        self._session = session
        session.trust_env = False
        self.server_time: int | None = None

    def ask(self, method: str, *params: object) -> Any:
        """The `result` of a call. Raises ChainError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            response = self._session.post(self._url, json=body, timeout=self._timeout)
            # RFC 9110, 6.6.1.
            with suppress(TypeError, ValueError, KeyError):
                self.server_time = int(parsedate_to_datetime(response.headers["Date"]).timestamp())
            response.raise_for_status()
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise ChainError(
                f"chain.rpc_url {self._url}: {method} failed: {type(error).__name__}: {error!s:.150}; "
                "check that the node runs and the URL is right"
            ) from error
        if not isinstance(answer, dict) or answer.get("error") is not None or "result" not in answer:
            said = answer.get("error") if isinstance(answer, dict) else answer
            raise ChainError(f"chain.rpc_url {self._url}: {method} was refused: {said!s:.200}")
        return answer["result"]

    def number(self, method: str, *params: object) -> int:
        """A result that is a quantity."""
        return int(self.ask(method, *params), 16)

    def problem(self, method: str, *params: object) -> str:
        """Why a call fails, empty when it does not."""
        try:
            self.ask(method, *params)
        except ChainError as error:
            return str(error)
        return ""


def _inspect(url: str, timeout: float, deployment: Deployment) -> RpcHealth:
    with requests.Session() as session:
        endpoint = _Endpoint(url, timeout, session)
        chain_id = endpoint.number("eth_chainId")
        newest = endpoint.ask("eth_getBlockByNumber", "latest", False)
        block, block_time, gas = (int(newest[name], 16) for name in ("number", "timestamp", "gasLimit"))
        logs = {
            "address": "0x" + deployment.addresses["ProofOfInference"].hex(),
            "fromBlock": hex(max(0, block - CHUNK + 1)),
            "toBlock": hex(block),
        }
        # To an account without code, so that it is the size alone that can be refused.
        large = {"to": "0x" + (bytes(19) + b"\xff").hex(), "data": "0x" + bytes(SETTLEMENT_BYTES).hex()}
        return RpcHealth(
            chain_id=chain_id,
            block=block,
            block_time=block_time,
            gas_limit=gas,
            syncing=endpoint.ask("eth_syncing") not in (False, None),
            log_problem=endpoint.problem("eth_getLogs", logs),
            size_problem=endpoint.problem("eth_call", large, "latest"),
            server_time=endpoint.server_time,
        )


def _purse(url: str, timeout: float, account: bytes) -> Purse:
    with requests.Session() as session:
        endpoint = _Endpoint(url, timeout, session)
        return Purse(
            chain_id=endpoint.number("eth_chainId"),
            balance=endpoint.number("eth_getBalance", "0x" + account.hex(), "latest"),
            gas_price=endpoint.number("eth_gasPrice"),
        )
