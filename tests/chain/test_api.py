"""The classes for programs, on the deployed contracts. They run Trio themselves, so these tests do not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import p2pnode
from p2pnode import EdgeNode, InferenceNode, ModelMarketplace, ZKProver
from p2pnode.errors import ChainError, ConfigError, InferenceError, ProtocolError, ProverError
from p2pnode.identity import Account
from p2pnode.models import DIGITS, digit_images
from p2pnode.protocol.cid import content_digest, to_cid
from p2pnode.protocol.eip712 import Domain, recover
from tests.chain.conftest import KEYS, Devnet

CID = to_cid(content_digest(DIGITS.read_bytes()))


@pytest.fixture
def addresses(chain_state: Devnet) -> dict[str, str]:
    found: dict[str, str] = json.loads(chain_state.deployment.read_text())["addresses"]
    return found


@pytest.fixture
def market(chain_state: Devnet, addresses: dict[str, str]) -> ModelMarketplace:
    return ModelMarketplace(KEYS[0], addresses["ModelMarketplace"], rpc_url=chain_state.url)


@pytest.fixture
def node(chain_state: Devnet, addresses: dict[str, str]) -> InferenceNode:
    return InferenceNode(
        KEYS[1], addresses["ProofOfInference"], rpc_url=chain_state.url, models=DIGITS.parent
    )


def test_a_model_is_registered_priced_and_retired(market: ModelMarketplace) -> None:
    assert market.model(CID) is None
    receipt = market.register_model(CID, {"name": "digits"}, 500)
    assert receipt.ok
    listing = market.model(CID)
    assert listing is not None
    assert (listing.fee, listing.metadata, listing.retired) == (500, '{"name":"digits"}', False)
    assert listing.owner.hex() == market.account[2:].lower()
    market.set_price(CID, 400)
    market.retire_model(CID)
    (listing,) = market.models()
    assert (listing.fee, listing.retired) == (400, True)
    with pytest.raises(ChainError, match="AlreadyRegistered"):
        market.register_model(CID, "", 1)


def test_a_version_takes_over_licence_and_shares(market: ModelMarketplace) -> None:
    other, second = Account.from_hex(KEYS[1]), bytes(range(32))
    market.register_model(CID, "", 5, licence="Apache-2.0", shares={other.checksum_address: 2_500})
    market.register_model(second, "", 7, previous=CID)
    listing = market.model(second)
    assert listing is not None
    assert (listing.version, to_cid(listing.series), listing.licence) == (2, CID, "Apache-2.0")
    whole = {market.account.lower(): 7_500, f"0x{other.address.hex()}": 2_500}
    assert market.shares(second) == market.shares(CID) == whole
    assert market.latest_version(CID) == to_cid(second)
    market.move_shares(second, {other.checksum_address: 7_500})
    assert market.shares(second) == {f"0x{other.address.hex()}": 10_000}
    with pytest.raises(ChainError, match="ShareTooSmall"):
        market.move_shares(second, {other.checksum_address: 1})
    with pytest.raises(ConfigError, match="shares"):
        market.move_shares(second, {"me": 1})
    with pytest.raises(ChainError, match="not registered"):
        market.latest_version(bytes(32))


def test_a_registered_model_runs_and_its_result_is_signed(
    market: ModelMarketplace, node: InferenceNode, addresses: dict[str, str]
) -> None:
    market.register_model(CID, "", 0)
    path, label = digit_images()[0]
    done = node.execute_inference(CID, path)
    assert done.outputs["digit"].tolist() == [label]
    domain = Domain(31337, bytes.fromhex(addresses["ProofOfInference"][2:]))
    assert recover(domain, done.result) == Account.from_hex(KEYS[1]).address
    pixels = np.zeros((1, 64), np.uint8)
    first = node.execute_inference(content_digest(DIGITS.read_bytes()), pixels)
    again = node.execute_inference(CID, {"image": pixels}, task_id=b"\x07" * 32)
    assert first.outputs["logits"].tolist() == again.outputs["logits"].tolist()
    assert first.input_digest == again.input_digest != done.input_digest
    assert (again.task_id, first.task_id == again.task_id) == (b"\x07" * 32, False)


def test_what_cannot_be_run_is_refused(market: ModelMarketplace, node: InferenceNode, tmp_path: Path) -> None:
    pixels = np.zeros((1, 64), np.uint8)
    with pytest.raises(InferenceError, match="not registered"):
        node.execute_inference(CID, pixels)
    market.register_model(CID, "", 0)
    with pytest.raises(InferenceError, match="shape"):
        node.execute_inference(CID, np.zeros((1, 63), np.uint8))
    with pytest.raises(InferenceError, match="exactly image"):
        node.execute_inference(CID, {"picture": pixels})
    with pytest.raises(InferenceError, match="put its ONNX file there"):
        node.execute_inference(bytes(32), pixels)


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: ModelMarketplace("0x12", "0x" + "11" * 20), ConfigError, "32"),
        (lambda: ModelMarketplace(KEYS[0], "0x11"), ConfigError, "contract_address"),
        (lambda: InferenceNode(KEYS[0], "here"), ConfigError, "contract_address"),
        (lambda: ModelMarketplace(KEYS[0], bytes(20)).register_model("Qm", "", 1), ProtocolError, "CIDv1"),
        (lambda: EdgeNode("/nowhere/p2pnode.toml"), ConfigError, "p2pnode init"),
        (lambda: ZKProver("/nowhere/prover").prove(DIGITS, []), ProverError, "/nowhere/prover"),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], object], error: type[Exception], remedy: str) -> None:
    with pytest.raises(error, match=remedy):
        make()


def test_an_address_without_a_contract_is_named(chain_state: Devnet) -> None:
    empty = ModelMarketplace(KEYS[0], "0x" + "99" * 20, rpc_url=chain_state.url)
    with pytest.raises(ChainError, match="give that of ModelMarketplace"):
        empty.model(CID)


def test_the_package_offers_these_classes_and_no_others() -> None:
    on_chain = {"EdgeNode", "InferenceNode", "InferenceResult", "JSCBridge", "ModelMarketplace", "ZKProver"}
    assert set(p2pnode.__all__) == on_chain | {"ApiError", "Client", "Inference", "Model", "SyncClient"}
    with pytest.raises(AttributeError, match="Nothing"):
        p2pnode.Nothing  # noqa: B018
