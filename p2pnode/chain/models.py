"""ModelMarketplace: registered models and their prices."""

from collections.abc import Sequence

from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract
from p2pnode.chain.events import read_events
from p2pnode.chain.rpc import Rpc, TxReceipt
from p2pnode.ports import ModelListing


class Models:
    """Calls of the register of models for the sender's account; amounts in the smallest unit."""

    def __init__(self, rpc: Rpc, contract: Contract, sender: Sends, first_block: int) -> None:
        self._rpc = rpc
        self._contract = contract
        self._sender = sender
        self._first_block = first_block

    async def listing(self, model_digest: bytes) -> ModelListing | None:
        """The model with this SHA-256, or None."""
        model = await self._contract.read("modelOf", model_digest)
        if not any(model["owner"]):
            return None
        _, fee = await self._contract.read("feeOf", model_digest)
        return ModelListing(
            model_digest=model_digest,
            owner=model["owner"],
            fee=fee,
            metadata=model["metadata"],
            retired=model["retired"],
        )

    async def listings(self) -> Sequence[ModelListing]:
        """Every registered model, oldest first."""
        last = await self._rpc.block_number()
        events = await read_events(
            self._rpc, [self._contract], self._first_block, last, [self._contract.topic("ModelRegistered")]
        )
        found = [await self.listing(event.arguments["modelDigest"]) for event in events]
        return [listing for listing in found if listing is not None]

    async def register(self, model_digest: bytes, price: int, metadata: str, key: str) -> TxReceipt:
        """Register a model at `price` an inference; the account becomes its owner."""
        return await self._sender.send(self._call("register", model_digest, price, metadata), key)

    async def set_price(self, model_digest: bytes, price: int, key: str) -> TxReceipt:
        """A decrease holds at once, an increase after the contract's notice."""
        return await self._sender.send(self._call("setPrice", model_digest, price), key)

    async def set_metadata(self, model_digest: bytes, metadata: str, key: str) -> TxReceipt:
        return await self._sender.send(self._call("setMetadata", model_digest, metadata), key)

    async def retire(self, model_digest: bytes, key: str) -> TxReceipt:
        return await self._sender.send(self._call("retire", model_digest), key)

    async def unretire(self, model_digest: bytes, key: str) -> TxReceipt:
        return await self._sender.send(self._call("unretire", model_digest), key)

    def _call(self, function: str, *arguments: object) -> Call:
        return Call(self._contract, function, arguments)
