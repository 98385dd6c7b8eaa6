"""JSON-RPC to one Ethereum node, off the event loop.

Owns the HTTP session. web3's provider blocks, so each call runs in a thread of a small limiter; a
cancelled call is abandoned there and ends with the HTTP timeout. Source: the Ethereum JSON-RPC
specification (ethereum/execution-apis).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import requests
import trio
from web3 import HTTPProvider
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from p2pnode.errors import ChainError

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 8
ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 0.25
DEFAULT_PRIORITY: Final = 10**9
"""Wei per gas for the block's proposer."""
# Typed by hand because libp2p brings trio-typing, whose stubs of an old Trio shadow Trio's own types.
_run_in_thread: Callable[..., Awaitable[Any]] = trio.to_thread.run_sync


class RpcError(ChainError):
    """The node answered with an error; `data` is the revert data when it gave any."""

    def __init__(self, method: str, message: str, data: bytes) -> None:
        super().__init__(f"{method}: {message}")
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class TxReceipt:
    """A transaction in a block. `logs` are as in JSON-RPC, hexadecimal."""

    tx_hash: bytes
    block: int
    gas_used: int
    gas_price: int
    ok: bool
    logs: tuple[Mapping[str, Any], ...]


def _decoded(call: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Turns an answer of an unexpected form into ChainError."""

    @wraps(call)
    async def wrapped(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return await call(*arguments, **options)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ChainError(
                f"chain.rpc_url: {call.__name__} got an answer of an unexpected form ({_short(error)}); "
                "is it an Ethereum node?"
            ) from error

    return wrapped


class Rpc:
    """Typed calls; each raises ChainError when the node cannot be reached, RpcError when it refuses."""

    def __init__(self, url: str, timeout: float, session: requests.Session) -> None:
        self._url = url
        self._provider = HTTPProvider(
            url, {"timeout": timeout}, session=session, exception_retry_configuration=None
        )
        self._limiter = trio.CapacityLimiter(THREADS)

    async def request(self, method: str, *params: Any) -> Any:
        """The `result` of one call; connection failures are tried again, since every call is idempotent."""
        for attempt in range(ATTEMPTS):
            try:
                response = await _run_in_thread(
                    self._provider.make_request,
                    RPCEndpoint(method),
                    list(params),
                    abandon_on_cancel=True,
                    limiter=self._limiter,
                )
                break
            except (requests.RequestException, Web3Exception, ValueError, OSError) as error:
                if attempt == ATTEMPTS - 1:
                    raise ChainError(
                        f"chain.rpc_url {self._url}: {method} failed: {_short(error)}; "
                        "check that the node runs and the URL is right"
                    ) from error
                await trio.sleep(RETRY_SECONDS * 2**attempt)
        if not isinstance(response, dict):
            raise ChainError(f"chain.rpc_url {self._url}: {method} got no JSON-RPC answer; check the URL")
        if response.get("error") is not None:
            problem = response["error"]
            message = problem.get("message", "refused") if isinstance(problem, dict) else str(problem)
            raise RpcError(method, str(message), _revert_data(problem))
        return response.get("result")

    @_decoded
    async def chain_id(self) -> int:
        return int(await self.request("eth_chainId"), 16)

    @_decoded
    async def block_number(self) -> int:
        return int(await self.request("eth_blockNumber"), 16)

    @_decoded
    async def block_time(self) -> int:
        """Time of the newest block, seconds UTC."""
        block = await self.request("eth_getBlockByNumber", "latest", False)
        return int(block["timestamp"], 16)

    @_decoded
    async def block_hash(self, block: int) -> bytes | None:
        """Hash of a block, None when there is none yet."""
        found = await self.request("eth_getBlockByNumber", hex(block), False)
        return None if found is None else unhexed(found["hash"])

    @_decoded
    async def balance(self, account: bytes) -> int:
        """Wei that pay for gas."""
        return int(await self.request("eth_getBalance", hexed(account), "latest"), 16)

    @_decoded
    async def code(self, address: bytes) -> bytes:
        return unhexed(await self.request("eth_getCode", hexed(address), "latest"))

    @_decoded
    async def transaction_count(self, account: bytes, block: str) -> int:
        """Nonce that comes next; `block` is latest or pending."""
        return int(await self.request("eth_getTransactionCount", hexed(account), block), 16)

    @_decoded
    async def fees(self) -> tuple[int, int]:
        """(base fee of the newest block, suggested priority fee), wei per gas (EIP-1559)."""
        block = await self.request("eth_getBlockByNumber", "latest", False)
        base = int(block.get("baseFeePerGas", "0x0"), 16)
        try:
            return base, int(await self.request("eth_maxPriorityFeePerGas"), 16)
        except RpcError:
            # Not every node suggests one.
            return base, DEFAULT_PRIORITY

    @_decoded
    async def call(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: str = "latest"
    ) -> bytes:
        """Run a read-only call."""
        fields = {"to": hexed(to), "data": hexed(data)}
        if sender is not None:
            fields["from"] = hexed(sender)
        return unhexed(await self.request("eth_call", fields, block))

    @_decoded
    async def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int, limit: int) -> int:
        fields = {
            "from": hexed(sender),
            "to": hexed(to),
            "data": hexed(data),
            "value": hex(value),
            "gas": hex(limit),
        }
        return int(await self.request("eth_estimateGas", fields), 16)

    async def send_raw(self, raw: bytes) -> None:
        """Hand a signed transaction to the node."""
        await self.request("eth_sendRawTransaction", hexed(raw))

    @_decoded
    async def calldata(self, tx_hash: bytes) -> tuple[bytes, bytes]:
        """(receiver, calldata) of a transaction in a block; the receiver is empty for a creation."""
        found = await self.request("eth_getTransactionByHash", hexed(tx_hash))
        return unhexed(found["to"] or "0x"), unhexed(found["input"])

    @_decoded
    async def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """The receipt, or None while the transaction is in no block."""
        found = await self.request("eth_getTransactionReceipt", hexed(tx_hash))
        if found is None:
            return None
        return TxReceipt(
            tx_hash=tx_hash,
            block=int(found["blockNumber"], 16),
            gas_used=int(found["gasUsed"], 16),
            gas_price=int(found.get("effectiveGasPrice", "0x0"), 16),
            ok=int(found["status"], 16) == 1,
            logs=tuple(found["logs"]),
        )

    @_decoded
    async def logs(
        self, addresses: Sequence[bytes], first: int, last: int, topics: Sequence[Any] = ()
    ) -> Sequence[Mapping[str, Any]]:
        """Logs of `addresses` in the blocks `first` to `last`, both included."""
        query = {
            "address": [hexed(address) for address in addresses],
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "topics": list(topics),
        }
        found = await self.request("eth_getLogs", query)
        return tuple(found)


@asynccontextmanager
async def open_rpc(url: str, timeout: float) -> AsyncIterator[Rpc]:
    """An Rpc whose HTTP session ends with the context."""
    with requests.Session() as session:
        # The environment's proxies are not for a wallet's traffic to a configured node.
        session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=THREADS)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        yield Rpc(url, timeout, session)


def hexed(data: bytes) -> str:
    """JSON-RPC's form of bytes."""
    return "0x" + data.hex()


def unhexed(text: str) -> bytes:
    """Bytes of JSON-RPC's form."""
    return bytes.fromhex(text.removeprefix("0x"))


def _revert_data(problem: Any) -> bytes:
    # Nodes disagree on where the revert data is: error.data, error.data.data or error.data.result.
    while isinstance(problem, dict):
        problem = problem.get("data") or problem.get("result")
    if isinstance(problem, str):
        text = problem.split()[-1] if problem else ""
        try:
            return unhexed(text) if text.startswith("0x") else b""
        except ValueError:
            return b""
    return b""


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
