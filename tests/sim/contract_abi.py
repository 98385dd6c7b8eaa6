"""Calls and events of ProofOfInference and NodeCoordinator as bytes, from the contracts' side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.abi import event_signature_to_log_topic, function_signature_to_4byte_selector
from web3 import Web3

from p2pnode.chain.contract import load_abi
from p2pnode.chain.rpc import hexed, unhexed
from p2pnode.errors import ChainError
from p2pnode.ports import Papers
from p2pnode.protocol.messages import Award, Bid, Offer, Result, SessionAward, Signed, Voucher
from tests.sim.fake_chain import CONTRACT
from tests.sim.fake_sessions import SessionSettlement

_CODEC: Final = Web3().codec
_ABI: Final = load_abi("ProofOfInference")
_FUNCTIONS: Final = (
    "settleBatch",
    "settleSession",
    "reportUnproved",
    "reportMissed",
    "closeReport",
    "proveBatch",
    "rescue",
)
_CALLS: Final = [
    item
    for item in [*_ABI, *load_abi("NodeCoordinator")]
    if item.get("name") in _FUNCTIONS and item["type"] == "function"
]


@dataclass(frozen=True, slots=True)
class Batch:
    """A settleBatch call; `seal` begins with the verifier's selector."""

    awards: Sequence[Signed[Award]]
    outputs: Sequence[bytes]
    seal: bytes
    credit: bool


@dataclass(frozen=True, slots=True)
class Unproved:
    """A reportUnproved call."""

    award: Signed[Award]
    result: Signed[Result]


@dataclass(frozen=True, slots=True)
class Missed:
    """A reportMissed call."""

    papers: Papers


@dataclass(frozen=True, slots=True)
class Proving:
    """A proveBatch call; `seal` begins with the verifier's selector."""

    count: int
    root: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class Rescue:
    """A rescue call."""

    award: Award
    output_digest: bytes
    rescuer: bytes
    count: int
    credit: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """A closeReport call."""

    award: Award


Decoded = Batch | Unproved | Missed | Closing | Proving | Rescue | SessionSettlement


def decode(data: bytes) -> Decoded:
    """The call in a transaction's data. Raises ChainError, as a contract without such a function reverts."""
    for item in _CALLS:
        types = [_type(part) for part in item["inputs"]]
        if data[:4] != function_signature_to_4byte_selector(f"{item['name']}({','.join(types)})"):
            continue
        values = _CODEC.decode(types, data[4:])
        match item["name"]:
            case "settleBatch":
                tuples, signatures, outputs, seal, payout = values
                awards = [
                    Signed(_award(fields), signed) for fields, signed in zip(tuples, signatures, strict=True)
                ]
                return Batch(awards, outputs, seal, bool(payout))
            case "reportUnproved":
                award, award_signature, result, result_signature = values
                return Unproved(
                    Signed(_award(award), award_signature), Signed(Result(*result), result_signature)
                )
            case "reportMissed":
                (offer, bid, bid_signature, award, award_signature), tensors = values
                return Missed(
                    Papers(
                        Offer(*_fields(offer)),
                        Signed(Bid(*_fields(bid)), bid_signature),
                        Signed(_award(award), award_signature),
                        tensors,
                    )
                )
            case "proveBatch":
                return Proving(*values)
            case "rescue":
                award, output, rescuer, (count, _, _), payout = values
                return Rescue(_award(award), output, unhexed(rescuer), count, bool(payout))
            case "settleSession":
                session, voucher, signature, (output, receipt_signature), payout = values
                return SessionSettlement(
                    SessionAward(*_fields(session)),
                    Signed(Voucher(*voucher), signature),
                    output,
                    receipt_signature,
                    bool(payout),
                )
            case "closeReport":
                return Closing(_award(values[0]))
    raise ChainError("the call reverted: no such function")


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
    return Award(*_fields(fields))


def _fields(fields: tuple[Any, ...]) -> list[Any]:
    return [unhexed(value) if isinstance(value, str) else value for value in fields]


def _type(part: Mapping[str, Any]) -> str:
    if not str(part["type"]).startswith("tuple"):
        return str(part["type"])
    inner = ",".join(_type(one) for one in part["components"])
    return f"({inner}){str(part['type']).removeprefix('tuple')}"
