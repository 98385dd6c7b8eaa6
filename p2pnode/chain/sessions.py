"""Sessions on chain: settled by the requester's voucher."""

from dataclasses import astuple

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.ports import LastAnswer
from p2pnode.protocol.messages import SessionAward, Signed, Voucher


class Sessions:
    """Calls of the settlement contract that are about sessions."""

    def __init__(self, contract: Contract, sender: Sends) -> None:
        self._contract = contract
        self._sender = sender

    async def paid_calls(self, session_hash: bytes) -> int:
        """How many calls of a session are paid."""
        return int(await self._contract.read("paidCalls", session_hash, agreed=True))

    async def settle(
        self,
        award: SessionAward,
        voucher: Signed[Voucher],
        answer: LastAnswer | None,
        key: str,
        *,
        credit: bool = False,
    ) -> TxReceipt:
        """See `ports.SessionChain`; with `credit` all are paid by credit and not by transfer."""
        last = (answer.output, answer.signature) if answer is not None else (b"", b"")
        arguments = (astuple(award), astuple(voucher.message), voucher.signature, last, int(credit))
        return await self._sender.send(Call(self._contract, "settleSession", arguments), key)
