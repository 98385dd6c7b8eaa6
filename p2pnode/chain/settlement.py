"""ProofOfInference: proved batches in, payments out."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.events import CHUNK, read_events
from p2pnode.chain.rpc import Rpc, TxReceipt, hexed
from p2pnode.errors import ChainError
from p2pnode.ports import Rescued, SettlementOutcome
from p2pnode.protocol.journal import Journal
from p2pnode.protocol.messages import Award, Signed

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


@dataclass(frozen=True, slots=True)
class Slice:
    """Where tasks lie in a proved batch of `count`: they fill the subtree that begins at `first`.

    `path` are the siblings of the subtree's root; for a single task that is `merkle.path`.
    """

    count: int
    first: int
    path: tuple[bytes, ...]


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
        found = await self._newest("AwardSettled", task_id, since)
        return found.tx_hash if found is not None else None

    async def find_rescue(self, task_id: bytes, since: int) -> Rescued | None:
        """See `ports.RescueChain.find_rescue`."""
        found = await self._newest("AwardRescued", task_id, since)
        if found is None:
            return None
        return Rescued(found.arguments["rescuer"], found.arguments["outputDigest"], found.tx_hash)

    async def _newest(self, event: str, task_id: bytes, since: int) -> Event | None:
        """The event of a task, of which there is one at the most."""
        topics = [self._contract.topic(event), hexed(task_id)]
        last = await self._rpc.block_number()
        while last >= 0:
            first = max(last - CHUNK + 1, 0)
            for found in await read_events(self._rpc, [self._contract], first, last, topics):
                return found
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
        *,
        credit: bool = False,
    ) -> SettlementOutcome:
        """See `ports.Chain.settle_batch`."""
        proof = await self._verifier_selector() + seal
        arguments = (*_batch(awards, output_digests), proof, int(credit))
        return self.outcome(await self._send("settleBatch", key, *arguments))

    async def prove_batch(self, journal: Journal, seal: bytes, key: str) -> TxReceipt:
        """Have a proof verified, whose tasks are then settled by Merkle path."""
        proof = await self._verifier_selector() + seal
        return await self._send("proveBatch", key, journal.count, journal.root, proof)

    async def settle_slice(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        place: Slice,
        key: str,
        *,
        credit: bool = False,
    ) -> SettlementOutcome:
        """As `settle_batch` for neighbouring awards of a batch that is proved already."""
        arguments = (*_batch(awards, output_digests), astuple(place), int(credit))
        return self.outcome(await self._send("settleSlice", key, *arguments))

    async def rescue(
        self,
        award: Award,
        output_digest: bytes,
        rescuer: bytes,
        place: Slice,
        key: str,
        *,
        credit: bool = False,
    ) -> TxReceipt:
        """Pay `rescuer` for a reported award, which it proved with `eip712.rescue_id` as the task ID."""
        arguments = (astuple(award), output_digest, rescuer, astuple(place), int(credit))
        return await self._send("rescue", key, *arguments)

    async def credit(self, account: bytes) -> int:
        """What `account` can take out of the batches that were paid by credit."""
        return int(await self._contract.read("creditOf", account))

    async def withdraw_credit(self, key: str) -> TxReceipt:
        """Take out all credit of the account."""
        return await self._send("withdrawCredit", key)

    async def withdraw_credit_to(
        self, target: bytes, stealth_address: bytes, amount: int, key: str
    ) -> TxReceipt:
        """Pay `amount` of the credit to a stealth address, by the contract that knows whose it is."""
        return await self._send("withdrawCreditTo", key, target, stealth_address, amount)

    async def is_signed_by(self, account: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether the contract takes a signature, be the account a key or code (ERC-1271)."""
        return bool(await self._contract.read("isSignedBy", account, digest, signature))

    def settled_output(self, receipt: TxReceipt, task_id: bytes) -> bytes | None:
        """Output digest with which a transaction paid a task, or None when it did not."""
        for event in self._contract.events(receipt.logs):
            if event.name == "AwardSettled" and event.arguments["taskId"] == task_id:
                return bytes(event.arguments["outputDigest"])
        return None

    def outcome(self, receipt: TxReceipt) -> SettlementOutcome:
        """What a settleBatch transaction did, from its events."""
        events = list(self._contract.events(receipt.logs))
        if not any(event.name in ("AwardSettled", "AwardSkipped") for event in events):
            raise ChainError(f"transaction 0x{receipt.tx_hash.hex()} settled no batch; check its hash")
        return SettlementOutcome(
            transaction=receipt.tx_hash,
            gas_used=receipt.gas_used,
            block=receipt.block,
            settled=tuple(event.arguments["taskId"] for event in events if event.name == "AwardSettled"),
            skipped=_skipped(events),
        )

    async def _send(self, function: str, key: str, *arguments: object) -> TxReceipt:
        return await self._sender.send(Call(self._contract, function, arguments), key)

    async def _verifier_selector(self) -> bytes:
        if self._selector is None:
            self._selector = bytes(await self._verifier.read("SELECTOR"))
        return self._selector


def _batch(
    awards: Sequence[Signed[Award]], output_digests: Sequence[bytes]
) -> tuple[list[tuple[object, ...]], list[bytes], list[bytes]]:
    messages = [astuple(signed.message) for signed in awards]
    return messages, [signed.signature for signed in awards], list(output_digests)


def _skipped(events: Sequence[Event]) -> Mapping[bytes, str]:
    skipped = {}
    for event in events:
        if event.name == "AwardSkipped":
            reason = int(event.arguments["reason"])
            known = reason < len(SKIP_REASONS)
            skipped[event.arguments["taskId"]] = SKIP_REASONS[reason] if known else f"reason {reason}"
    return skipped
