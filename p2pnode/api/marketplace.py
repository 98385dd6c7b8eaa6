"""ModelMarketplace for programs."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import trio

from p2pnode.api.arguments import parse_address, parse_model_id
from p2pnode.chain import MemoryTxLog, Models, TxReceipt, open_models
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import ModelListing
from p2pnode.protocol.cid import to_cid

T = TypeVar("T")


class ModelMarketplace:
    """The register of models at `contract_address`, for the account of `private_key` (hex).

    Every call opens the chain, does one thing, waits for its transaction and closes. Prices are in the
    smallest unit of JOY. `first_block` is where `models()` begins to look. Raises ChainError with the
    contract's reason, ConfigError for a bad argument.
    """

    def __init__(
        self,
        private_key: str,
        contract_address: str | bytes,
        *,
        rpc_url: str = "http://127.0.0.1:8545",
        first_block: int = 0,
    ) -> None:
        self._account = Account.from_hex(private_key)
        self._address = parse_address(contract_address, "contract_address")
        self._config = replace(ChainConfig(), rpc_url=rpc_url, poll_seconds=0.25)
        self._ledger = MemoryTxLog()
        self._first_block = first_block

    @property
    def account(self) -> str:
        """Address that owns what is registered here."""
        return self._account.checksum_address

    def register_model(
        self,
        model_id: str | bytes,
        metadata: str | Mapping[str, Any],
        price: int,
        *,
        previous: str | bytes | None = None,
        licence: str = "",
        shares: Mapping[str, int] | None = None,
    ) -> TxReceipt:
        """Register a model by its CID (or SHA-256) at `price` an inference; the account becomes its owner.

        `metadata` is a CID or JSON of at most 1,024 bytes; a mapping is written as JSON. `previous` makes
        the model the next version of one that the account owns, whose licence and shares it takes over.
        `licence` is an SPDX expression or a CID. `shares` are basis points of all fees by address, which
        the account gives away.
        """
        digest = parse_model_id(model_id)
        follows = None if previous is None else parse_model_id(previous)
        parts = _parse_shares(shares or {})
        text = metadata if isinstance(metadata, str) else json.dumps(metadata, separators=(",", ":"))
        return self._run(
            lambda models: models.register(
                digest, price, text, _key(), previous=follows, licence=licence, shares=parts
            )
        )

    def move_shares(self, model_id: str | bytes, shares: Mapping[str, int]) -> TxReceipt:
        """Give basis points of the account's share of all fees to other addresses, for good."""
        digest, parts = parse_model_id(model_id), _parse_shares(shares)
        return self._run(lambda models: models.move_shares(digest, parts, _key()))

    def shares(self, model_id: str | bytes) -> Mapping[str, int]:
        """Basis points of the model's fees by address; they add up to 10,000."""
        digest = parse_model_id(model_id)
        found = self._run(lambda models: models.shares(digest))
        return {f"0x{account.hex()}": bps for account, bps in found.items()}

    def latest_version(self, model_id: str | bytes) -> str:
        """CID of the newest version in the model's series. Raises ChainError when it is not registered."""
        digest = parse_model_id(model_id)
        latest = self._run(lambda models: models.latest(digest))
        if not any(latest):
            raise ChainError(f"model {to_cid(digest)} is not registered; register it first")
        return to_cid(latest)

    def set_price(self, model_id: str | bytes, price: int) -> TxReceipt:
        """Change the fee: a decrease holds at once, an increase after the contract's notice."""
        digest = parse_model_id(model_id)
        return self._run(lambda models: models.set_price(digest, price, _key()))

    def retire_model(self, model_id: str | bytes) -> TxReceipt:
        """Ask for no new work; signed awards stay payable."""
        digest = parse_model_id(model_id)
        return self._run(lambda models: models.retire(digest, _key()))

    def model(self, model_id: str | bytes) -> ModelListing | None:
        """A registered model, or None."""
        digest = parse_model_id(model_id)
        return self._run(lambda models: models.listing(digest))

    def models(self) -> Sequence[ModelListing]:
        """Every registered model, oldest first."""
        return self._run(lambda models: models.listings())

    def _run(self, call: Callable[[Models], Awaitable[T]]) -> T:
        async def main() -> T:
            async with open_models(
                self._config, self._account, self._address, self._ledger, self._first_block
            ) as models:
                return await call(models)

        return trio.run(main)


def _parse_shares(shares: Mapping[str, int]) -> Mapping[bytes, int]:
    return {parse_address(account, "shares"): bps for account, bps in shares.items()}


def _key() -> str:
    return f"api/{secrets.token_hex(16)}"
