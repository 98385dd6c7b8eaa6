"""ModelMarketplace: registered models, their prices and versions, and who shares in their fees."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

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
            licence=model["licence"],
            version=model["version"],
            series=model["series"],
        )

    async def shares(self, model_digest: bytes) -> Mapping[bytes, int]:
        """Basis points of the model's fees by account; they add up to 10,000. Empty for an unknown model."""
        found = await self._contract.read("sharesOf", model_digest)
        return {share["to"]: share["bps"] for share in found}

    async def latest(self, model_digest: bytes) -> bytes:
        """The newest version of the model's series."""
        return bytes(await self._contract.read("latestOf", model_digest))

    async def listings(self) -> Sequence[ModelListing]:
        """Every registered model, oldest first."""
        last = await self._rpc.block_number()
        events = await read_events(
            self._rpc, [self._contract], self._first_block, last, [self._contract.topic("ModelRegistered")]
        )
        found = [await self.listing(event.arguments["modelDigest"]) for event in events]
        return [listing for listing in found if listing is not None]

    async def register(
        self,
        model_digest: bytes,
        price: int,
        metadata: str,
        key: str,
        *,
        previous: bytes | None = None,
        licence: str = "",
        shares: Mapping[bytes, int] = MappingProxyType({}),
    ) -> TxReceipt:
        """Register a model at `price` an inference, all in one transaction; the account becomes its owner.

        `previous` makes it the next version of that model, whose licence and shares it takes over. `shares`
        are basis points that the account gives to others.
        """
        if previous is None:
            first = self._call("register", model_digest, price, metadata)
        else:
            first = self._call("registerVersion", previous, model_digest, price, metadata)
        calls = [first]
        if licence:
            calls.append(self._call("setLicence", model_digest, licence))
        if shares:
            calls.append(self._call("moveShares", model_digest, list(shares.items())))
        if len(calls) == 1:
            return await self._sender.send(first, key)
        return await self._sender.send(self._call("multicall", [call.data for call in calls]), key)

    async def set_licence(self, model_digest: bytes, licence: str, key: str) -> TxReceipt:
        return await self._sender.send(self._call("setLicence", model_digest, licence), key)

    async def move_shares(self, model_digest: bytes, shares: Mapping[bytes, int], key: str) -> TxReceipt:
        """Give basis points of the account's share to others; they cannot be taken back."""
        return await self._sender.send(self._call("moveShares", model_digest, list(shares.items())), key)

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
