"""The register of models alone, for programs that know one address and have no deployment file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from p2pnode.chain.call import ReadOnly
from p2pnode.chain.contract import Contract
from p2pnode.chain.models import Models
from p2pnode.chain.rpc import Rpc, open_rpc
from p2pnode.chain.sender import Sender
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import TxLog


@dataclass(frozen=True, slots=True)
class ModelContext:
    """The chain of a ProofOfInference, and the register of models behind it, for reading."""

    chain_id: int
    models: Models


@asynccontextmanager
async def open_models(
    config: ChainConfig, account: Account, address: bytes, ledger: TxLog, first_block: int = 0
) -> AsyncIterator[Models]:
    """The ModelMarketplace at `address`, deployed after `first_block`, for `account`. Raises ChainError."""
    async with open_rpc(config.rpc_urls, config.timeout_seconds) as rpc:
        await _check(rpc, "ModelMarketplace", address)
        sender = Sender(rpc, await rpc.chain_id(), account, ledger, config)
        await sender.resume()
        yield Models(rpc, Contract(rpc, "ModelMarketplace", address), sender, first_block)


@asynccontextmanager
async def open_model_context(config: ChainConfig, settlement: bytes) -> AsyncIterator[ModelContext]:
    """What the ProofOfInference at `settlement` pays for. Raises ChainError."""
    async with open_rpc(config.rpc_urls, config.timeout_seconds) as rpc:
        await _check(rpc, "ProofOfInference", settlement)
        address = bytes(await Contract(rpc, "ProofOfInference", settlement).read("marketplace"))
        models = Models(rpc, Contract(rpc, "ModelMarketplace", address), ReadOnly(bytes(20)), 0)
        yield ModelContext(await rpc.chain_id(), models)


async def _check(rpc: Rpc, name: str, address: bytes) -> None:
    if not await rpc.code(address):
        raise ChainError(f"contract_address: no contract at 0x{address.hex()}; give that of {name}")
