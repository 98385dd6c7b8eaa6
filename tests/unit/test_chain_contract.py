"""Encoding, decoding and the words for a revert, by the ABIs that ship with the package."""

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from p2pnode.chain.contract import NAMES, Contract, explain_revert, load_abi
from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.rpc import open_rpc
from p2pnode.chain.settlement import SKIP_REASONS
from p2pnode.errors import ChainError

INTERFACES = Path(__file__).parents[2] / "contracts" / "contracts" / "interfaces"


def revert(signature: str, types: list[str], values: list[object]) -> RpcError:
    data = function_signature_to_4byte_selector(signature) + encode(types, values)
    return RpcError("eth_call", "execution reverted", data)


def test_a_custom_error_is_named_with_its_arguments() -> None:
    error = revert("StakeTooLow(uint256,uint256)", ["uint256", "uint256"], [1, 10])
    assert explain_revert(error) == "StakeTooLow(stake=1, minimum=10)"


def test_a_reason_and_a_panic_are_told() -> None:
    assert explain_revert(revert("Error(string)", ["string"], ["no"])) == "no"
    assert "overflow" in explain_revert(revert("Panic(uint256)", ["uint256"], [0x11]))


def test_an_unknown_error_keeps_the_words_of_the_node() -> None:
    assert explain_revert(RpcError("eth_call", "nope", b"")) == "nope"
    assert (
        explain_revert(RpcError("eth_call", "nope", b"\x01\x02\x03\x04")) == "nope (unknown error 0x01020304)"
    )
    short = RpcError("eth_call", "nope", function_signature_to_4byte_selector("StakeTooLow(uint256,uint256)"))
    assert explain_revert(short) == "StakeTooLow"


@pytest.mark.parametrize("name", NAMES)
def test_every_abi_ships(name: str) -> None:
    assert any(item["type"] == "function" for item in load_abi(name))


async def test_calls_are_encoded_as_solidity_does() -> None:
    async with open_rpc(("http://127.0.0.1:1",), 1) as rpc:
        token = Contract(rpc, "JoyToken", bytes(20))
        data = token.encode("transfer", b"\x11" * 20, 5)
        assert data == keccak(text="transfer(address,uint256)")[:4] + bytes(12) + b"\x11" * 20 + (5).to_bytes(
            32, "big"
        )
        with pytest.raises(ChainError, match=r"JoyToken\.transfer: argument does not fit"):
            token.encode("transfer", b"\x11" * 20, -1)


async def test_events_of_other_contracts_are_passed_over() -> None:
    topic = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
    entry = {
        "address": "0x" + "22" * 20,
        "topics": [topic, "0x" + "00" * 12 + "33" * 20, "0x" + "00" * 12 + "44" * 20],
        "data": "0x" + (9).to_bytes(32, "big").hex(),
        "transactionHash": "0x" + "55" * 32,
        "blockNumber": "0x7",
    }
    async with open_rpc(("http://127.0.0.1:1",), 1) as rpc:
        (event,) = Contract(rpc, "JoyToken", b"\x22" * 20).events([entry])
        assert event.arguments == {"from": b"\x33" * 20, "to": b"\x44" * 20, "value": 9}
        assert (event.name, event.block) == ("Transfer", 7)
        assert not list(Contract(rpc, "JoyToken", b"\x23" * 20).events([entry]))


def test_the_skip_reasons_are_those_of_the_contract() -> None:
    # The ABI gives an enum as a number, so its names are compared with the source.
    source = INTERFACES.joinpath("IProofOfInference.sol").read_text()
    found = re.search(r"enum SkipReason \{([^}]*)\}", source)
    assert found is not None
    assert tuple(name.strip() for name in found[1].split(",")) == SKIP_REASONS


def test_an_event_name_means_one_thing() -> None:
    """Who follows all contracts tells events apart by name."""
    seen: dict[str, tuple[str, list[str]]] = {}
    for name in NAMES:
        for item in load_abi(name):
            if item["type"] == "event":
                fields = [part["name"] for part in item["inputs"]]
                owner, known = seen.setdefault(item["name"], (name, fields))
                assert known == fields, f"{item['name']} of {owner} and of {name}"
