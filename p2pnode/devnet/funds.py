"""Money for a devnet's accounts, from Hardhat's first account, which holds all JOY."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from p2pnode.chain import MemoryTxLog, open_chain
from p2pnode.chain.rpc import hexed, open_rpc
from p2pnode.config import ChainConfig
from p2pnode.identity import Account

TREASURY_KEY: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Printed by every `hardhat node` and known to everyone: worth nothing on any chain but a devnet."""
GAS_MONEY: Final = 10**19
"""Wei for each account."""


def treasury() -> Account:
    """The account that deploys, holds all JOY at first, and takes the protocol's fee on a devnet."""
    return Account.from_hex(TREASURY_KEY)


async def fund(url: str, deployment: Path, amounts: Mapping[bytes, int]) -> None:
    """Give each account its JOY (smallest unit) and coins for gas."""
    async with open_rpc([url], timeout=30) as rpc:
        for account in amounts:
            # Hardhat keeps its own accounts unlocked, and mines every transaction at once.
            payment = {"from": hexed(treasury().address), "to": hexed(account), "value": hex(GAS_MONEY)}
            await rpc.request("eth_sendTransaction", payment)
    config = ChainConfig(rpc_url=url, deployment=deployment, poll_seconds=0.05)
    async with open_chain(config, treasury(), MemoryTxLog()) as chain:
        for account, amount in amounts.items():
            await chain.token.transfer(account, amount, f"fund/{account.hex()}")
