"""The escrow in ProofOfInference, from which awards are paid."""

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.chain.token import Token


class Escrow:
    """Calls of the escrow for the sender's account; amounts in the smallest unit."""

    def __init__(self, contract: Contract, token: Token, sender: Sends) -> None:
        self._contract = contract
        self._token = token
        self._sender = sender

    async def free(self, requester: bytes) -> int:
        """What awards may count on: the balance less the requested withdrawal."""
        return int(await self._contract.read("freeEscrow", requester, agreed=True))

    async def balance(self, requester: bytes) -> int:
        return int(await self._contract.read("escrowOf", requester))

    async def withdrawal(self, requester: bytes) -> tuple[int, int]:
        """(amount requested, when it is due in seconds UTC); zeros when none."""
        amount, available_at = await self._contract.read("withdrawalOf", requester)
        return int(amount), int(available_at)

    async def deposit(self, amount: int, key: str) -> TxReceipt:
        """Move JOY of the account into its escrow."""
        return await self._token.spend(self._contract, self._call("deposit", amount), amount, key)

    async def request_withdrawal(self, amount: int, key: str) -> TxReceipt:
        """Announce a withdrawal; it is due after the contract's delay."""
        return await self._sender.send(self._call("requestWithdrawal", amount), key)

    async def cancel_withdrawal(self, key: str) -> TxReceipt:
        return await self._sender.send(self._call("cancelWithdrawal"), key)

    async def withdraw(self, key: str) -> TxReceipt:
        """Take out what was requested, once it is due."""
        return await self._sender.send(self._call("withdraw"), key)

    def _call(self, function: str, *arguments: object) -> Call:
        return Call(self._contract, function, arguments)
