"""ProofOfUse: what was settled for a model, and what its holders may claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.events import read_events
from p2pnode.chain.rpc import Rpc, TxReceipt, hexed


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Proved and paid inferences, and the fees paid with them in the smallest unit."""

    count: int
    fees: int
    protocol_fees: int


class Use:
    """Calls of the record of use; whoever sends a claim, the model's holders are paid."""

    def __init__(self, rpc: Rpc, contract: Contract, sender: Sends, first_block: int) -> None:
        self._rpc = rpc
        self._contract = contract
        self._sender = sender
        self._first_block = first_block

    async def of_model(self, model_digest: bytes) -> ModelUse:
        """Everything that was settled for a model."""
        found = await self._contract.read("useOf", model_digest)
        return ModelUse(found["count"], found["fees"], found["protocolFees"])

    async def current_epoch(self) -> int:
        return int(await self._contract.read("currentEpoch"))

    async def royalties(self, model_digest: bytes) -> int:
        """Fees of a model with several holders that wait for them."""
        return int(await self._contract.read("royaltiesOf", model_digest))

    async def rewards(self, model_digest: bytes) -> Mapping[int, int]:
        """Unclaimed rewards by epoch, of those epochs in which the model was used and which are over."""
        topics = [self._contract.topic("UseRecorded"), hexed(model_digest)]
        last = await self._rpc.block_number()
        used = await read_events(self._rpc, [self._contract], self._first_block, last, topics)
        current = await self.current_epoch()
        found = {}
        for epoch in sorted({event.arguments["epoch"] for event in used}):
            if epoch < current and (
                reward := int(await self._contract.read("rewardOf", model_digest, epoch))
            ):
                found[epoch] = reward
        return found

    async def claim_royalties(self, model_digest: bytes, key: str) -> TxReceipt:
        """Pay the model's waiting fees to its holders."""
        return await self._sender.send(Call(self._contract, "claimRoyalties", (model_digest,)), key)

    async def claim_rewards(self, model_digest: bytes, epochs: Sequence[int], key: str) -> TxReceipt:
        """Pay the model's rewards for ended epochs to its holders."""
        return await self._sender.send(
            Call(self._contract, "claimRewards", (model_digest, list(epochs))), key
        )
