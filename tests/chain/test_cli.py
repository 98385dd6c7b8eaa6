"""The commands that read and send, against the deployed contracts."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import Rpc
from p2pnode.cli.main import main
from p2pnode.cli.node import moment
from p2pnode.identity import Account
from p2pnode.models import DIGITS
from p2pnode.protocol.cid import content_digest, to_cid
from tests.chain.conftest import ETHER, KEYS, Devnet
from tests.quick import quick_scrypt

ENV = {"P2PNODE_PASSWORD": "correct horse"}


class Operator:
    """A node's folder, and the command line on it."""

    def __init__(self, folder: Path, devnet: Devnet, key: str) -> None:
        folder.mkdir()
        key_file = folder.parent / f"{folder.name}.key"
        key_file.write_text(key)
        key_file.chmod(0o600)
        changes = {
            "chain.rpc_url": devnet.url,
            "chain.deployment": str(devnet.deployment),
            "chain.poll_seconds": "0.05",
        }
        sets = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
        made = CliRunner().invoke(
            main, ["init", str(folder), "--import-key", str(key_file), *sets], env=ENV, catch_exceptions=False
        )
        assert made.exit_code == 0, made.output
        self.config = folder / "p2pnode.toml"

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(
            main, [*arguments, "--config", str(self.config)], env=ENV, catch_exceptions=False
        )

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def encode(contract: str, function: str, *arguments: object) -> str:
    """Calldata in hex; encoding needs no chain."""
    return "0x" + Contract(cast(Rpc, None), contract, bytes(20)).encode(function, *arguments).hex()


@pytest.fixture
def operator(chain_state: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    quick_scrypt(monkeypatch)
    return Operator(tmp_path / "rich", chain_state, KEYS[0])


def test_a_worker_registers_and_leaves(operator: Operator) -> None:
    status = operator.json("node", "status")
    assert (status["node"], status["running"], status["chain_id"]) == (None, None, 31337)
    made = operator.json("node", "register", "--stake", "2", "--capacity", "3")
    operator.json("node", "stake", "0.5")
    node = operator.json("node", "status")["node"]
    assert node["peer_id"] == made["peer_id"]
    assert (node["stake"], node["capacity"], node["active"]) == (str(25 * ETHER // 10), 3, True)
    again = operator.run("node", "register", "--stake", "2")
    assert again.exit_code == 4
    assert "AlreadyRegistered(" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert operator.json("node", "leave")["withdrawable_at"] > 0
    early = operator.run("node", "withdraw")
    assert early.exit_code == 4
    assert "StillBonded(" in early.stderr
    text = operator.run("node", "status").stdout
    assert "leaving" in text
    assert "2.5 JOY" in text


def test_the_escrow_is_filled_and_emptied(operator: Operator, chain_state: Devnet) -> None:
    assert operator.json("escrow", "deposit", "10")["deposited"] == str(10 * ETHER)
    asked = operator.json("escrow", "withdraw", "4")
    found = operator.json("escrow", "status")
    assert (found["balance"], found["free"], found["requested"]) == (
        str(10 * ETHER),
        str(6 * ETHER),
        str(4 * ETHER),
    )
    assert found["due"] == asked["due"]
    assert operator.run("escrow", "withdraw").exit_code == 4
    chain_state.rpc("evm_increaseTime", 172_801)
    operator.json("escrow", "withdraw")
    assert "6 JOY" in operator.run("escrow", "status").stdout


def test_a_bond_is_put_up_kept_and_paid_out(operator: Operator, chain_state: Devnet) -> None:
    assert operator.json("bond", "add", "3")["added"] == str(3 * ETHER)
    assert operator.json("bond", "release")["due"] > 0
    assert operator.run("bond", "release").exit_code == 4
    assert operator.json("bond", "release", "--keep")["due"] == 0
    assert operator.json("bond", "status") == {"bond": str(3 * ETHER), "due": 0}
    due = operator.json("bond", "release")["due"]
    assert f"from {moment(due)} on" in operator.run("bond", "status").stdout
    chain_state.rpc("evm_increaseTime", 604_801)
    operator.json("bond", "release")
    assert "0 JOY" in operator.run("bond", "status").stdout


def test_a_model_is_published_and_listed(operator: Operator) -> None:
    cid = to_cid(content_digest(DIGITS.read_bytes()))
    made = operator.json("models", "publish", str(DIGITS), "--price", "0.001", "--name", "digits")
    assert (made["cid"], made["serving"], made["price"]) == (cid, False, str(ETHER // 1000))
    (listed,) = operator.json("models", "list")
    assert (listed["cid"], listed["price"], listed["retired"]) == (cid, str(ETHER // 1000), False)
    assert json.loads(listed["metadata"])["name"] == "digits"
    cheaper = operator.json("models", "publish", str(DIGITS), "--price", "0")
    assert "transaction" in cheaper
    same = operator.json("models", "publish", str(DIGITS), "--price", "0")
    assert "transaction" not in same
    assert cid in operator.run("models", "list").stdout


def test_a_model_has_a_licence_holders_and_a_successor(operator: Operator) -> None:
    cid = to_cid(content_digest(DIGITS.read_bytes()))
    other = Account.from_hex(KEYS[1]).checksum_address
    publish = ["models", "publish", str(DIGITS), "--price", "1", "--licence", "MIT"]
    refused = operator.run(*publish, "--share", f"{other}=0.001")
    assert refused.exit_code == 2
    assert "at most two decimals" in refused.stderr
    operator.json(*publish, "--share", f"{other}=12.5")
    (listed,) = operator.json("models", "list")
    assert (listed["licence"], listed["version"], listed["series"]) == ("MIT", 1, cid)
    nothing = operator.json("models", "claim", cid)
    assert (nothing["royalties"], nothing["rewards"], nothing["transactions"]) == ("0", "0", [])
    assert nothing["shares"][other.lower()] == 1_250
    assert operator.json("models", "retire", cid)["retired"] is True
    assert "retired" in operator.run("models", "list").stdout
    assert operator.json("models", "retire", cid, "--undo")["retired"] is False
    wrong = operator.run("models", "retire", "Qm")
    assert wrong.exit_code == 2


def test_fees_and_rewards_are_claimed_for_all_holders(operator: Operator, chain_state: Devnet) -> None:
    cid, digest = to_cid(content_digest(DIGITS.read_bytes())), content_digest(DIGITS.read_bytes())
    other = Account.from_hex(KEYS[1])
    share = f"{other.checksum_address}=25"
    operator.json("models", "publish", str(DIGITS), "--price", "1", "--share", share)
    # As the settlement contract does after a proof, by its own address.
    addresses = json.loads(chain_state.deployment.read_text())["addresses"]
    settlement, use = addresses["ProofOfInference"], addresses["ProofOfUse"]
    record = encode("ProofOfUse", "record", digest, 3, 4 * ETHER, 2 * ETHER, ETHER)
    chain_state.rpc("hardhat_impersonateAccount", settlement)
    chain_state.rpc("hardhat_setBalance", settlement, hex(ETHER))
    chain_state.rpc("eth_sendTransaction", {"from": settlement, "to": use, "data": record})
    transfer = encode("JoyToken", "transfer", bytes.fromhex(use[2:]), 5 * ETHER)
    rich = Account.from_hex(KEYS[0]).checksum_address
    chain_state.rpc("eth_sendTransaction", {"from": rich, "to": addresses["JoyToken"], "data": transfer})
    early = operator.json("models", "claim", cid)
    assert (early["royalties"], early["rewards"], len(early["transactions"])) == (str(4 * ETHER), "0", 1)
    chain_state.rpc("evm_increaseTime", 86_400)
    chain_state.rpc("evm_mine")
    late = operator.json("models", "claim", cid)
    assert (late["royalties"], late["rewards"], len(late["transactions"])) == ("0", str(ETHER), 1)
    assert "nothing is due" in operator.run("models", "claim", cid).stdout


def test_a_model_of_another_owner_is_left_alone(
    operator: Operator, chain_state: Devnet, tmp_path: Path
) -> None:
    operator.json("models", "publish", str(DIGITS), "--price", "0.001")
    other = Operator(tmp_path / "other", chain_state, KEYS[1])
    refused = other.run("models", "publish", str(DIGITS), "--price", "0")
    assert refused.exit_code == 4
    assert "belongs to" in refused.stderr


def test_a_file_that_is_no_model_is_not_registered(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"not a model")
    refused = operator.run("models", "publish", str(file), "--price", "0")
    assert refused.exit_code == 1
    assert "not an ONNX file" in refused.stderr
    assert operator.json("models", "list") == []


def test_an_unreachable_chain_is_one_line(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2PNODE_CHAIN_RPC_URL", "http://127.0.0.1:1")
    result = operator.run("node", "status")
    assert result.exit_code == 4
    assert len(result.stderr.splitlines()) == 1
    assert "check that the node runs" in result.stderr


def test_the_doctor_finds_the_chain_well_and_the_account_unregistered(operator: Operator) -> None:
    config = operator.config.read_text()
    operator.config.write_text(config.replace("enabled = false", "enabled = true"))
    result = operator.run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    for name in (
        "chain.id",
        "chain.sync",
        "chain.logs",
        "chain.request_size",
        "chain.contracts",
        "account.gas",
    ):
        assert checks[name]["outcome"] == "ok", checks[name]
    assert checks["worker.registered"]["fix"].startswith("`p2pnode node register --stake")
