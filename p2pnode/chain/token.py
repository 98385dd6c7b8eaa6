"""JoyToken: balances and allowances. Amounts are in the smallest unit."""

import trio

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.errors import ChainError


class Token:
    """Calls of the ERC-20 token (EIP-20) for the sender's account."""

    def __init__(self, contract: Contract, sender: Sends) -> None:
        self._contract = contract
        self._sender = sender
        self._lock = trio.Lock()

    async def balance(self, account: bytes) -> int:
        return int(await self._contract.read("balanceOf", account))

    async def transfer(self, to: bytes, amount: int, key: str) -> TxReceipt:
        """Pay `amount` to `to`."""
        return await self._sender.send(Call(self._contract, "transfer", (to, amount)), key)

    async def spend(self, spender: Contract, call: Call, amount: int, key: str) -> TxReceipt:
        """Approve exactly `amount` for `spender` when need be, then send `call`, which pulls it."""
        # One at a time: an approval replaces the one before, so two interleaved spends would starve one.
        async with self._lock:
            account = self._sender.account
            held = await self.balance(account)
            if held < amount and not await self._sender.is_known(key):
                raise ChainError(
                    f"{call.name}: account 0x{account.hex()} holds {held} JOY units and needs {amount}; "
                    "send it JOY or choose a smaller amount"
                )
            allowed = int(await self._contract.read("allowance", account, spender.address))
            if allowed < amount and not await self._sender.is_known(key):
                approve = Call(self._contract, "approve", (spender.address, amount))
                await self._sender.send(approve, f"{key}/approve")
            return await self._sender.send(call, key)
