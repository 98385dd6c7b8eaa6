"""ProofOfInference: proved batches in, payments out."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Final

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.events import CHUNK, read_events
from p2pnode.chain.rpc import Rpc, TxReceipt, hexed
from p2pnode.errors import ChainError
from p2pnode.ports import SettlementOutcome
from p2pnode.protocol.messages import Award, Bid, Offer, Signed

SKIP_REASONS: Final = (
    "None",
    "BadSignature",
    "NonceUsed",
    "Expired",
    "TooFarAhead",
    "InvalidWorker",
    "UnknownModel",
    "ModelFeeTooLow",
    "InsufficientEscrow",
)
"""IProofOfInference.SkipReason, by its number."""


class Settlement:
    """Calls of the settlement contract."""

    def __init__(self, rpc: Rpc, contract: Contract, verifier: Contract, sender: Sends) -> None:
        self._rpc = rpc
        self._contract = contract
        self._verifier = verifier
        self._sender = sender
        self._selector: bytes | None = None

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool:
        return bool(await self._contract.read("isNonceUsed", requester, nonce, agreed=True))

    async def find(self, task_id: bytes, since: int) -> bytes | None:
        """See `ports.Chain.find_settlement`."""
        topics = [self._contract.topic("AwardSettled"), hexed(task_id)]
        last = await self._rpc.block_number()
        while last >= 0:
            first = max(last - CHUNK + 1, 0)
            for event in await read_events(self._rpc, [self._contract], first, last, topics):
                return event.tx_hash
            if first == 0 or await self._rpc.block_time(first) < since:
                break
            last = first - 1
        return None

    async def image_id(self) -> bytes:
        """The guest whose proofs are accepted."""
        return bytes(await self._contract.read("imageId"))

    async def settle_batch(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        seal: bytes,
        key: str,
    ) -> SettlementOutcome:
        """See `ports.Chain.settle_batch`."""
        call = Call(
            self._contract,
            "settleBatch",
            (
                [astuple(signed.message) for signed in awards],
                [signed.signature for signed in awards],
                list(output_digests),
                await self._verifier_selector() + seal,
            ),
        )
        return self.outcome(await self._sender.send(call, key))

    async def report_missed(
        self, offer: Offer, bid: Signed[Bid], award: Signed[Award], key: str
    ) -> TxReceipt:
        """Put a broken promise on the worker's record, after the settle deadline."""
        arguments = (
            astuple(offer),
            astuple(bid.message),
            bid.signature,
            astuple(award.message),
            award.signature,
        )
        return await self._sender.send(Call(self._contract, "reportMissed", arguments), key)

    def settled_output(self, receipt: TxReceipt, task_id: bytes) -> bytes | None:
        """Output digest with which a transaction paid a task, or None when it did not."""
        for event in self._contract.events(receipt.logs):
            if event.name == "AwardSettled" and event.arguments["taskId"] == task_id:
                return bytes(event.arguments["outputDigest"])
        return None

    def outcome(self, receipt: TxReceipt) -> SettlementOutcome:
        """What a settleBatch transaction did, from its events."""
        events = list(self._contract.events(receipt.logs))
        if not any(event.name == "BatchVerified" for event in events):
            raise ChainError(f"transaction 0x{receipt.tx_hash.hex()} settled no batch; check its hash")
        return SettlementOutcome(
            transaction=receipt.tx_hash,
            gas_used=receipt.gas_used,
            block=receipt.block,
            settled=tuple(event.arguments["taskId"] for event in events if event.name == "AwardSettled"),
            skipped=_skipped(events),
        )

    async def _verifier_selector(self) -> bytes:
        if self._selector is None:
            self._selector = bytes(await self._verifier.read("SELECTOR"))
        return self._selector


def _skipped(events: Sequence[Event]) -> Mapping[bytes, str]:
    skipped = {}
    for event in events:
        if event.name == "AwardSkipped":
            reason = int(event.arguments["reason"])
            known = reason < len(SKIP_REASONS)
            skipped[event.arguments["taskId"]] = SKIP_REASONS[reason] if known else f"reason {reason}"
    return skipped
