"""One deployed contract: calls encoded and answers, events and errors decoded by its ABI.

The ABIs are files beside this one, exported from the Solidity build. Source of the encoding: the Solidity
contract ABI specification.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import event_signature_to_log_topic, function_signature_to_4byte_selector
from web3 import Web3

from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.rpc import Rpc, hexed, unhexed
from p2pnode.errors import ChainError

NAMES: Final = (
    "JoyToken",
    "NodeCoordinator",
    "ModelMarketplace",
    "ProofOfInference",
    "ProofOfUse",
    "StarkVerifier",
    "ZKVerifier",
    "JSC",
    "JSCBridge",
)
"""The deployed contracts; the ABI of each ships with this package."""
_PANIC: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x32: "index",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log. bytes32 and address arguments are bytes."""

    contract: str
    name: str
    arguments: Mapping[str, Any]
    tx_hash: bytes
    block: int


@cache
def load_abi(name: str) -> list[dict[str, Any]]:
    """The ABI of one contract."""
    entry = resources.files("p2pnode.chain").joinpath("abi", f"{name}.json")
    try:
        loaded = json.loads(entry.read_text())
    except (OSError, ValueError) as error:
        raise ChainError(f"ABI of {name} is missing; export it from contracts/ again") from error
    return list(loaded["abi"] if isinstance(loaded, dict) else loaded)


class Contract:
    """Encodes and decodes for the contract `name` at `address` (20 bytes)."""

    def __init__(self, rpc: Rpc, name: str, address: bytes) -> None:
        self.name = name
        self.address = address
        self._rpc = rpc
        self._codec = Web3().codec
        abi = load_abi(name)
        self._functions = {item["name"]: item for item in abi if item["type"] == "function"}
        self._events = {
            event_signature_to_log_topic(_signature(item)): item for item in abi if item["type"] == "event"
        }

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Calldata of a call; ChainError when an argument does not fit its type."""
        item = self._functions[function]
        types = [_type(part) for part in item["inputs"]]
        try:
            body = self._codec.encode(types, [_plain(value) for value in arguments])
        except (EncodingError, ValueError, TypeError, OverflowError) as error:
            raise ChainError(f"{self.name}.{function}: argument does not fit: {error}") from error
        return function_signature_to_4byte_selector(_signature(item)) + body

    def decode_call(self, data: bytes) -> tuple[str, tuple[Any, ...]] | None:
        """Function and arguments of a transaction's calldata; None when it calls none of this contract's."""
        for item in self._functions.values():
            if data[:4] == function_signature_to_4byte_selector(_signature(item)):
                return item["name"], self._decode(item["inputs"], data[4:], item["name"])
        return None

    async def read(self, function: str, *arguments: Any, block: str = "latest", agreed: bool = False) -> Any:
        """Answer of a view function: one value, or a tuple of several; addresses are bytes.

        With `agreed` it is that of most endpoints.
        """
        data = self.encode(function, *arguments)
        try:
            raw = await self._rpc.call(self.address, data, block=block, agreed=agreed)
        except RpcError as error:
            raise ChainError(f"{self.name}.{function}: {explain_revert(error)}") from error
        outputs = self._functions[function]["outputs"]
        values = self._decode(outputs, raw, function)
        return values[0] if len(values) == 1 else values

    def events(self, logs: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
        """Events of this contract among `logs` (JSON-RPC form)."""
        for log in logs:
            topics = [unhexed(topic) for topic in log["topics"]]
            if unhexed(log["address"]) != self.address or not topics or topics[0] not in self._events:
                continue
            item = self._events[topics[0]]
            indexed = [part for part in item["inputs"] if part["indexed"]]
            plain = [part for part in item["inputs"] if not part["indexed"]]
            arguments = {}
            for part, topic in zip(indexed, topics[1:], strict=True):
                arguments[part["name"]] = self._decode([part], topic, item["name"])[0]
            values = self._decode(plain, unhexed(log["data"]), item["name"])
            arguments.update(zip((part["name"] for part in plain), values, strict=True))
            yield Event(
                self.name,
                item["name"],
                arguments,
                unhexed(log["transactionHash"]),
                int(log["blockNumber"], 16),
            )

    def topic(self, event: str) -> str:
        """First topic of an event, for a log query."""
        return next(hexed(topic) for topic, item in self._events.items() if item["name"] == event)

    def _decode(self, parts: list[dict[str, Any]], raw: bytes, what: str) -> tuple[Any, ...]:
        try:
            values = self._codec.decode([_type(part) for part in parts], raw)
        except (DecodingError, ValueError, OverflowError) as error:
            raise ChainError(
                f"{self.name}.{what}: answer of {len(raw)} bytes does not decode; "
                f"is 0x{self.address.hex()} this contract? Check the deployment file"
            ) from error
        return tuple(_named(part, value) for part, value in zip(parts, values, strict=True))


def explain_revert(error: RpcError) -> str:
    """A revert as `Name(argument=value, ...)` by the ABIs of all contracts; else the node's own words."""
    data = error.data
    if len(data) < 4:
        return error.message
    known = _errors().get(data[:4])
    if known is None:
        return f"{error.message} (unknown error 0x{data[:4].hex()})"
    try:
        values = Web3().codec.decode([_type(part) for part in known["inputs"]], data[4:])
    except (DecodingError, ValueError, OverflowError):
        return str(known["name"])
    if known["name"] == "Error":
        return str(values[0])
    if known["name"] == "Panic":
        return f"Panic({values[0]:#x}: {_PANIC.get(values[0], 'see the Solidity documentation')})"
    shown = ", ".join(
        f"{part['name']}={hexed(value) if isinstance(value, bytes) else value}"
        for part, value in zip(known["inputs"], values, strict=True)
    )
    return f"{known['name']}({shown})"


@cache
def _errors() -> Mapping[bytes, dict[str, Any]]:
    standard = [
        {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
        {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
    ]
    items = [item for name in NAMES for item in load_abi(name) if item["type"] == "error"]
    return {function_signature_to_4byte_selector(_signature(item)): item for item in standard + items}


def _type(part: Mapping[str, Any]) -> str:
    kind = str(part["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type(inner) for inner in part["components"]) + ")" + kind.removeprefix("tuple")


def _signature(item: Mapping[str, Any]) -> str:
    return f"{item['name']}({','.join(_type(part) for part in item['inputs'])})"


def _plain(value: Any) -> Any:
    # The codec takes addresses as text; 20 bytes are an address everywhere in this package.
    if isinstance(value, bytes) and len(value) == 20:
        return Web3.to_checksum_address(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(inner) for inner in value)
    return value


def _named(part: Mapping[str, Any], value: Any) -> Any:
    kind = str(part["type"])
    if kind == "address":
        return unhexed(str(value))
    if kind == "tuple":
        return {
            inner["name"]: _named(inner, item) for inner, item in zip(part["components"], value, strict=True)
        }
    if kind.endswith("]"):
        inner = {**part, "type": kind[: kind.rindex("[")]}
        return tuple(_named(inner, item) for item in value)
    return value
