"""NodeCoordinator's bonds: what a requester stands to lose when it signs more than its escrow covers."""

from collections.abc import Sequence
from dataclasses import astuple

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.chain.token import Token
from p2pnode.protocol.messages import Award, Signed


class Bonds:
    """Calls for the sender's account; amounts in the smallest unit."""

    def __init__(self, contract: Contract, token: Token, sender: Sends) -> None:
        self._contract = contract
        self._token = token
        self._sender = sender

    async def of(self, requester: bytes) -> tuple[int, int]:
        """(bond, when it may be withdrawn in seconds UTC); the time is 0 while it stays."""
        amount, withdrawable_at = await self._contract.read("bondOf", requester, agreed=True)
        return int(amount), int(withdrawable_at)

    async def add(self, amount: int, key: str) -> TxReceipt:
        """Add JOY of the account to its bond."""
        return await self._token.spend(self._contract, self._call("bond", amount), amount, key)

    async def unbond(self, key: str) -> TxReceipt:
        """Start the way out, which takes the unbonding delay."""
        return await self._sender.send(self._call("unbond"), key)

    async def rebond(self, key: str) -> TxReceipt:
        """Keep a bond that is on its way out."""
        return await self._sender.send(self._call("rebond"), key)

    async def withdraw(self, key: str) -> TxReceipt:
        """Take the bond back after the delay."""
        return await self._sender.send(self._call("withdrawBond"), key)

    async def report_overcommitted(self, awards: Sequence[Signed[Award]], key: str) -> TxReceipt:
        """Show that one requester's outstanding awards exceed its escrow."""
        ordered = sorted(awards, key=lambda signed: signed.message.nonce)
        call = self._call(
            "reportOvercommitted",
            [astuple(signed.message) for signed in ordered],
            [signed.signature for signed in ordered],
        )
        return await self._sender.send(call, key)

    def _call(self, function: str, *arguments: object) -> Call:
        return Call(self._contract, function, arguments)
