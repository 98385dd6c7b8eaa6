"""JSON-RPC as typed calls. Owns the HTTP session. Source: the Ethereum JSON-RPC specification
(ethereum/execution-apis).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import requests

from p2pnode.chain.endpoint import Endpoint, RpcError
from p2pnode.chain.endpoints import Endpoints
from p2pnode.errors import ChainError

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 8
"""Calls to one endpoint at a time."""
DEFAULT_PRIORITY: Final = 10**9
"""Wei per gas for the block's proposer."""


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
    """Typed calls; each raises ChainError when no endpoint can be reached, RpcError when one refuses.

    With `agreed` a call asks all endpoints and takes what most of them say: for what ends a task or tells
    whether a transaction paid, where one endpoint's mistake would cost money.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def request(self, method: str, *params: Any) -> Any:
        """The `result` of one call; connection failures are tried again, since every call is idempotent."""
        return await self._endpoints.ask(method, list(params))

    async def agreed(self, essence: Callable[[Any], Hashable], method: str, *params: Any) -> Any:
        """The `result` on which most endpoints agree, by what `essence` makes of it."""
        return await self._endpoints.agreed(method, list(params), essence)

    @_decoded
    async def chain_id(self) -> int:
        return int(await self.request("eth_chainId"), 16)

    @_decoded
    async def block_number(self) -> int:
        return int(await self.request("eth_blockNumber"), 16)

    @_decoded
    async def block_time(self, number: int | None = None) -> int:
        """Time of a block, by default the newest one, seconds UTC."""
        name = "latest" if number is None else hex(number)
        block = await self.request("eth_getBlockByNumber", name, False)
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
    async def mined_count(self, account: bytes) -> int:
        """Transactions of `account` that are in blocks, as the endpoints agree."""
        return int(await self.agreed(str, "eth_getTransactionCount", hexed(account), "latest"), 16)

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
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        block: str = "latest",
        agreed: bool = False,
    ) -> bytes:
        """Run a read-only call."""
        fields = {"to": hexed(to), "data": hexed(data)}
        if sender is not None:
            fields["from"] = hexed(sender)
        if agreed:
            return unhexed(await self.agreed(str, "eth_call", fields, block))
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
    async def receipt(self, tx_hash: bytes, *, agreed: bool = False) -> TxReceipt | None:
        """The receipt, or None while the transaction is in no block."""
        method = "eth_getTransactionReceipt"
        if agreed:
            found = await self.agreed(_effect, method, hexed(tx_hash))
        else:
            found = await self.request(method, hexed(tx_hash))
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
async def open_rpc(urls: Sequence[str], timeout: float, chain_id: int = 0) -> AsyncIterator[Rpc]:
    """An Rpc whose HTTP session ends with the context.

    Of several `urls` the first is preferred, and those of another chain than `chain_id` (0 for any) are left
    out.
    """
    with requests.Session() as session:
        # The environment's proxies are not for a wallet's traffic to a configured node.
        session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=len(urls), pool_maxsize=THREADS)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        endpoints = [Endpoint(url, timeout, session, THREADS) for url in urls]
        yield Rpc(Endpoints(endpoints, chain_id))


def hexed(data: bytes) -> str:
    """JSON-RPC's form of bytes."""
    return "0x" + data.hex()


def unhexed(text: str) -> bytes:
    """Bytes of JSON-RPC's form."""
    return bytes.fromhex(text.removeprefix("0x"))


def _effect(receipt: Any) -> Hashable:
    """What a receipt says of its transaction; nodes differ in the other fields."""
    if receipt is None:
        return None
    logs = tuple((log["address"].lower(), tuple(log["topics"]), log["data"]) for log in receipt["logs"])
    return (receipt["blockNumber"], receipt["status"], logs)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
