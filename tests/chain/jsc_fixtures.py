"""A pool with notes of one owner, and transactions of it to attack."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.chain.contract import Contract, explain_revert
from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.rpc import Rpc, open_rpc
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.jsc.builder import Plan, build
from p2pnode.jsc.keys import SpendKeys
from p2pnode.jsc.notes import Payee, context, make
from p2pnode.jsc.sending import Moment, plan
from p2pnode.jsc.transaction import BIN, Payment, Transaction
from p2pnode.jsc.wallet import Book, Wallet
from tests.chain.conftest import Devnet

OWNER = SpendKeys.from_scalar(0xA11CE)
FAR = 1 << 40
NOBODY = bytes(20)


def public(**changes: Any) -> Payment:
    """The public part of a private transfer, with changes."""
    fields: dict[str, Any] = {
        "fee": 0,
        "relayer": NOBODY,
        "amount": 0,
        "recipient": NOBODY,
        "to_escrow": False,
        "deadline": FAR,
    }
    return Payment(**{**fields, **changes})


@dataclass
class PoolUnderTest:
    """The contracts, and the wallet of everybody's notes."""

    chain: ChainClient
    rpc: Rpc
    contract: Contract
    bridge: Contract
    wallet: Wallet

    async def sync(self) -> None:
        """Take the events that are not here yet."""
        events = self.wallet.pool.events
        first = events[-1].block + 1 if events else self.wallet.pool.genesis_block
        for event in await self.chain.jsc.pool_events(first, await self.chain.block_number()):
            self.wallet.add(event)

    async def deposit(self, amounts: Sequence[int], key: str) -> None:
        pool = self.wallet.pool
        tied = context(pool.chain_id, pool.address, None)
        address = OWNER.views.address()
        notes = [make(Payee(address, amount), tied, None, deposit=True)[0] for amount in amounts]
        await self.chain.jsc.deposit(notes, amounts, key)
        await self.sync()

    async def plan(self, payees: Sequence[Payee], payment: Payment) -> Plan:
        moment = Moment(await self.chain.block_number() + 1, 0)
        return plan(self.wallet, payees, payment, moment).plan

    async def transaction(self, amounts: Sequence[int] = (), **changes: Any) -> Transaction:
        """A signed transaction that pays `amounts` to the owner's subaddresses."""
        payees = [Payee(OWNER.views.address(i + 1), amount) for i, amount in enumerate(amounts)]
        return build(await self.plan(payees, public(**changes)), OWNER.spend, None).transaction

    async def refusal(
        self, arguments: tuple[Any, ...], function: str = "transact", sender: bytes | None = None
    ) -> str | None:
        """Name of the error with which the pool refuses a call, None when it accepts."""
        try:
            data = self.contract.encode(function, *arguments)
            await self.rpc.call(self.contract.address, data, sender=sender)
        except ChainError as error:
            return error_name(error)
        return None


@asynccontextmanager
async def open_pool(devnet: Devnet, rich: Account, amounts: Sequence[int]) -> AsyncIterator[PoolUnderTest]:
    """The deployed pool with `amounts` deposited four at a time, old enough to be spent."""
    async with open_chain(devnet.config, rich, MemoryTxLog()) as chain, open_rpc((devnet.url,), 30) as rpc:
        addresses = chain.deployment.addresses
        wallet = Wallet(OWNER.views, OWNER.spend, await chain.jsc.new_pool(), Book())
        contract, bridge = (Contract(rpc, name, addresses[name]) for name in ("JSC", "JSCBridge"))
        under_test = PoolUnderTest(chain, rpc, contract, bridge, wallet)
        for first in range(0, len(amounts), BIN):
            await under_test.deposit(amounts[first : first + BIN], f"fund/{first}")
        # `eth_call` runs in the newest block; a ring may use the last deposit's bin from the next one on.
        devnet.rpc("hardhat_mine", "0x1")
        yield under_test


def error_name(error: ChainError) -> str:
    """What a revert is called, from its data or its message."""
    text = explain_revert(error) if isinstance(error, RpcError) else str(error)
    return text.partition("(")[0].rpartition(" ")[2] or text
