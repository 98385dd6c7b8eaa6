"""ProofOfInference's calls and events as bytes, from the contract's side."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eth_utils.abi import event_signature_to_log_topic
from web3 import Web3

from p2pnode.chain.contract import load_abi
from p2pnode.chain.rpc import hexed, unhexed
from p2pnode.protocol.messages import Award, Signed
from tests.sim.fake_chain import CONTRACT

_CODEC: Final = Web3().codec
_ABI: Final = load_abi("ProofOfInference")


def decode_batch(data: bytes) -> tuple[Sequence[Signed[Award]], Sequence[bytes], bytes]:
    """Awards, output digests and seal of a settleBatch call."""
    item = next(one for one in _ABI if one.get("name") == "settleBatch")
    tuples, signatures, outputs, seal, _ = _CODEC.decode([_type(part) for part in item["inputs"]], data[4:])
    awards = [Signed(_award(fields), signed) for fields, signed in zip(tuples, signatures, strict=True)]
    return awards, outputs, seal


def log(name: str, tx_hash: bytes, height: int, **arguments: Any) -> Mapping[str, Any]:
    """An event of the contract as a JSON-RPC log."""
    item = next(one for one in _ABI if one.get("name") == name and one["type"] == "event")
    signature = f"{name}({','.join(part['type'] for part in item['inputs'])})"
    indexed = [part for part in item["inputs"] if part["indexed"]]
    plain = [part for part in item["inputs"] if not part["indexed"]]
    topics = [event_signature_to_log_topic(signature)]
    topics += [_CODEC.encode([part["type"]], [arguments[part["name"]]]) for part in indexed]
    return {
        "address": hexed(CONTRACT),
        "topics": [hexed(bytes(topic)) for topic in topics],
        "data": hexed(
            _CODEC.encode([part["type"] for part in plain], [arguments[part["name"]] for part in plain])
        ),
        "transactionHash": hexed(tx_hash),
        "blockNumber": hex(height),
    }


def _award(fields: tuple[Any, ...]) -> Award:
    values: list[Any] = [unhexed(value) if isinstance(value, str) else value for value in fields]
    return Award(*values)


def _type(part: Mapping[str, Any]) -> str:
    if not str(part["type"]).startswith("tuple"):
        return str(part["type"])
    inner = ",".join(_type(one) for one in part["components"])
    return f"({inner}){str(part['type']).removeprefix('tuple')}"
