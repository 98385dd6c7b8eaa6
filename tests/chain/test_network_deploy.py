"""`p2pnode network deploy`: contracts for a new network, reviewed before they are sent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p2pnode.cli.main import main
from p2pnode.deploying import DEPLOY_GAS
from p2pnode.identity import Account
from tests.chain.conftest import KEYS, Devnet


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "deployer.key"
    path.write_text(KEYS[3])
    path.chmod(0o600)
    return path


def deploy(devnet: Devnet, key: Path, output: Path, *more: str, answer: str = "") -> Result:
    arguments = [
        "network",
        "deploy",
        "--rpc-url",
        devnet.url,
        "--key-file",
        str(key),
        "--output",
        str(output),
    ]
    return CliRunner().invoke(main, [*arguments, *more], input=answer, catch_exceptions=False)


def test_a_no_sends_nothing(chain_state: Devnet, key_file: Path, tmp_path: Path) -> None:
    output, before = tmp_path / "deployment.json", chain_state.rpc("eth_blockNumber")
    refused = deploy(chain_state, key_file, output, answer="n\n")
    assert refused.exit_code == 130
    for words in ("chain        31337", "P2PNode.minStake", "guest        0x", "at most"):
        assert words in refused.output
    assert chain_state.rpc("eth_blockNumber") == before
    assert not output.exists()


def test_the_file_is_of_a_network_that_others_can_join(
    chain_state: Devnet, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2PNODE_NETWORKS", str(tmp_path / "networks"))
    output, first = tmp_path / "mine.json", int(chain_state.rpc("eth_blockNumber"), 16)
    done = deploy(chain_state, key_file, output, "--yes", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(output.read_text())
    address = document["addresses"]["ProofOfInference"]
    assert len(chain_state.rpc("eth_getCode", address, "latest")) > 1000
    sources = json.loads((tmp_path / "mine.sources.json").read_text())
    assert sources["language"] == "Solidity"
    assert any(name.endswith("contracts/ProofOfInference.sol") for name in sources["sources"])
    last, gas, senders = int(chain_state.rpc("eth_blockNumber"), 16), 0, set()
    for number in range(first + 1, last + 1):
        block = chain_state.rpc("eth_getBlockByNumber", hex(number), True)
        gas += int(block["gasUsed"], 16)
        senders |= {transaction["from"] for transaction in block["transactions"]}
    assert senders == {"0x" + Account.from_hex(KEYS[3]).address.hex()}
    assert DEPLOY_GAS // 2 < gas < DEPLOY_GAS
    assert CliRunner().invoke(main, ["network", "add", "mine", str(output)]).exit_code == 0
    again = deploy(chain_state, key_file, output, "--yes")
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_one_who_cannot_pay_is_told(chain_state: Devnet, tmp_path: Path) -> None:
    poor = tmp_path / "poor.key"
    poor.write_text("42" * 32)
    poor.chmod(0o600)
    refused = deploy(chain_state, poor, tmp_path / "deployment.json", "--yes")
    assert refused.exit_code == 4
    assert "send it coins" in refused.output
