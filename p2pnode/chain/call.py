"""A call to be sent, and what a contract's client needs to send it."""

from dataclasses import dataclass
from typing import Any, Protocol

from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import TxReceipt
from p2pnode.errors import ChainError


@dataclass(frozen=True, slots=True)
class Call:
    """A contract call to be sent."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.contract.name}.{self.function}"

    @property
    def data(self) -> bytes:
        return self.contract.encode(self.function, *self.arguments)


class Sends(Protocol):
    """What the contracts' clients need to change something."""

    @property
    def account(self) -> bytes: ...

    async def send(self, call: Call, key: str) -> TxReceipt: ...

    async def is_known(self, key: str) -> bool:
        """Whether `key` was sent before."""


class ReadOnly:
    """A `Sends` without a key: it refuses."""

    def __init__(self, address: bytes) -> None:
        self.account = address

    async def send(self, call: Call, key: str) -> TxReceipt:
        raise ChainError(f"{call.name}: opened for reading only; open the chain with an account")

    async def is_known(self, key: str) -> bool:
        return False
