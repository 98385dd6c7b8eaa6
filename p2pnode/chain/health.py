"""What `p2pnode doctor` asks of a JSON-RPC endpoint: which chain it is, how current, what it allows."""

from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import requests

from p2pnode.chain.deployment import Deployment
from p2pnode.chain.events import CHUNK
from p2pnode.chain.rpc import Rpc, hexed, open_rpc
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError

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


async def inspect_rpc(config: ChainConfig, deployment: Deployment) -> RpcHealth:
    """Ask the endpoint of `config`. Raises ChainError when it does not answer at all."""
    clock = _Clock()
    async with open_rpc(config.rpc_url, config.timeout_seconds, on_response=clock) as rpc:
        chain_id = await rpc.chain_id()
        newest = await rpc.request("eth_getBlockByNumber", "latest", False)
        try:
            block, block_time, gas = (int(newest[name], 16) for name in ("number", "timestamp", "gasLimit"))
        except (KeyError, TypeError, ValueError) as error:
            raise ChainError(
                f"chain.rpc_url: the newest block has no {error}; is it an Ethereum node?"
            ) from error
        syncing = await rpc.request("eth_syncing") not in (False, None)
        return RpcHealth(
            chain_id,
            block,
            block_time,
            gas,
            syncing,
            clock.seconds,
            await _logs(rpc, deployment, block),
            await _size(rpc, deployment),
        )


class _Clock:
    """Keeps the Date header of the last answer (RFC 9110, 6.6.1)."""

    seconds: int | None = None

    def __call__(self, response: requests.Response, *arguments: object, **options: object) -> None:
        with suppress(TypeError, ValueError):
            self.seconds = int(parsedate_to_datetime(response.headers["Date"]).timestamp())


async def _logs(rpc: Rpc, deployment: Deployment, block: int) -> str:
    """Whether as many blocks can be searched at once as the node does."""
    try:
        await rpc.logs([deployment.addresses["ProofOfInference"]], max(0, block - CHUNK + 1), block)
    except ChainError as error:
        return str(error)
    return ""


async def _size(rpc: Rpc, deployment: Deployment) -> str:
    """Whether a request as large as a settlement is taken; the account called has no code."""
    try:
        fields = {"to": hexed(bytes(19) + b"\xff"), "data": hexed(bytes(SETTLEMENT_BYTES))}
        await rpc.request("eth_call", fields, "latest")
    except ChainError as error:
        return str(error)
    return ""
