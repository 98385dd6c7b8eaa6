"""NodeCoordinator: workers, their stakes and records."""

from collections.abc import Sequence

import base58

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.chain.token import Token
from p2pnode.errors import ChainError
from p2pnode.ports import NodeRecord


class Nodes:
    """Calls of the register of workers for the sender's account; amounts in the smallest unit."""

    def __init__(self, contract: Contract, token: Token, sender: Sends) -> None:
        self._contract = contract
        self._token = token
        self._sender = sender

    async def node(self, account: bytes) -> NodeRecord | None:
        """The node of an account, or None."""
        node, record = await self._contract.read("nodeOf", account)
        if not node["peerId"]:
            return None
        return NodeRecord(
            account=account,
            peer_id=base58.b58encode(node["peerId"]).decode(),
            stake=node["stake"],
            capacity=node["capacity"],
            # Not only the node's own word: one that lost stake under the least takes no work either.
            active=bool(await self._contract.read("isActive", account, 0)),
            settled=record["settled"],
            missed=record["missed"],
        )

    async def withdrawable_at(self, account: bytes) -> int:
        """When an inactive node's stake is free, seconds UTC; 0 while it is active."""
        node, _ = await self._contract.read("nodeOf", account)
        return int(node["withdrawableAt"])

    async def select(self, model_digest: bytes, seed: bytes, count: int) -> Sequence[bytes]:
        """Up to `count` accounts, drawn by the free capacity that their stake covers (32 bytes of `seed`)."""
        return list(await self._contract.read("selectNodes", model_digest, seed, count))

    async def load(self, account: bytes) -> tuple[int, int]:
        """Tasks at once that the node's stake covers, and awards paid to it since midnight UTC."""
        slots, settled = await self._contract.read("loadOf", account)
        return slots, settled

    async def min_stake(self) -> int:
        return int(await self._contract.read("minStake"))

    async def register(self, peer_id: str, capacity: int, stake: int, key: str) -> TxReceipt:
        """Register the account's node under a base58 peer id and pull its stake."""
        try:
            raw = base58.b58decode(peer_id)
        except ValueError as error:
            raise ChainError(f"peer id {peer_id!r:.80} is not base58; give it as 12D3Koo...") from error
        call = self._call("register", raw, capacity, stake)
        return await self._token.spend(self._contract, call, stake, key)

    async def add_stake(self, amount: int, key: str) -> TxReceipt:
        return await self._token.spend(self._contract, self._call("addStake", amount), amount, key)

    async def set_capacity(self, capacity: int, key: str) -> TxReceipt:
        return await self._sender.send(self._call("setCapacity", capacity), key)

    async def deactivate(self, key: str) -> TxReceipt:
        """Take no new work; the stake is free after the unbonding delay."""
        return await self._sender.send(self._call("deactivate"), key)

    async def reactivate(self, key: str) -> TxReceipt:
        return await self._sender.send(self._call("reactivate"), key)

    async def withdraw(self, key: str) -> TxReceipt:
        """Leave the register and take the stake back."""
        return await self._sender.send(self._call("withdraw"), key)

    def _call(self, function: str, *arguments: object) -> Call:
        return Call(self._contract, function, arguments)
