"""The questions of `p2pnode init`, and networks by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from p2pnode.amounts import JOY
from p2pnode.chain.contract import NAMES
from p2pnode.cli import init_wizard
from p2pnode.cli.main import main
from p2pnode.config import load_config
from p2pnode.errors import ProverError
from p2pnode.models import DIGITS
from p2pnode.networks import find_network
from p2pnode.protocol.cid import content_digest, to_cid
from tests.quick import quick_scrypt

PEER = "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWCBDf663puKKc5hBPLNexzP2tPCK2YxYuJ8NXneKjG1cZ"
ENV = {"P2PNODE_PASSWORD": "correct horse"}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)
    monkeypatch.setenv("P2PNODE_NETWORKS", str(tmp_path / "networks"))


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    addresses = {name: f"0x{index:040x}" for index, name in enumerate(NAMES, start=1)}
    document = {"chainId": 7, "blockNumber": 1, "imageId": "0x" + "11" * 32, "addresses": addresses}
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(document))
    return path


def run(*arguments: object, answers: str = "") -> Result:
    return CliRunner().invoke(
        main, [str(argument) for argument in arguments], input=answers, env=ENV, catch_exceptions=False
    )


def test_a_network_is_added_listed_and_joined_by_name(deployment: Path, tmp_path: Path) -> None:
    added = run(
        "network", "add", "testnet", deployment, "--bootstrap", PEER, "--rpc-url", "http://192.0.2.7:8545"
    )
    assert added.exit_code == 0, added.output
    deployment.unlink()
    (listed,) = json.loads(run("network", "list", "--json").stdout)
    assert (listed["name"], listed["chain_id"]) == ("testnet", 7)
    made = run("init", tmp_path / "node", "--network", "testnet", "--json")
    config = load_config(Path(json.loads(made.stdout)["config"]), {})
    assert config.chain.rpc_url == "http://192.0.2.7:8545"
    assert config.chain.deployment.read_text().startswith('{"chainId": 7')
    (peers,) = config.network.bootstrap
    assert Path(peers).read_text() == f"{PEER}\n"


@pytest.mark.parametrize("name", ["", "../up", "-x", "A", "a" * 33])
def test_a_network_has_a_plain_name(deployment: Path, name: str) -> None:
    assert run("network", "add", "--", name, deployment).exit_code == 2


def test_what_is_no_deployment_or_peer_is_not_added(deployment: Path, tmp_path: Path) -> None:
    assert run("network", "add", "x", deployment, "--bootstrap", "nonsense").exit_code == 2
    deployment.write_text("{}")
    assert run("network", "add", "x", deployment).exit_code == 2
    assert run("network", "list", "--json").stdout.strip() == "[]"
    assert "unknown" in run("init", tmp_path / "n", "--network", "x").output


def test_a_network_is_joined_by_names_in_dns(deployment: Path, tmp_path: Path) -> None:
    names = ("/dnsaddr/one.example.org", "/dnsaddr/two.example.org")
    given = [part for name in names for part in ("--bootstrap", name)]
    added = json.loads(run("network", "add", "testnet", deployment, *given, "--json").stdout)
    assert (added["peers"], added["names"]) == (0, [*names])
    folder = Path(added["folder"])
    assert (folder / "bootstrap.names").read_text().split() == [*names]
    made = run("init", tmp_path / "node", "--network", "testnet", "--json")
    config = load_config(Path(json.loads(made.stdout)["config"]), {})
    assert config.network.bootstrap == (str(folder / "bootstrap.peers"), *names)
    # A network that is added again without them has none any more.
    assert run("network", "add", "testnet", deployment, "--bootstrap", PEER).exit_code == 0
    assert find_network("testnet").dns_names == ()


def test_an_endpoint_that_no_node_could_use_is_not_added(deployment: Path) -> None:
    refused = run("network", "add", "testnet", deployment, "--rpc-url", "localhost:8545")
    assert refused.exit_code == 2
    assert "chain.rpc_url = 'localhost:8545': use an http:// or https:// URL" in refused.output
    assert run("network", "list", "--json").stdout.strip() == "[]"


def test_a_wrong_answer_is_asked_again_with_the_reason(deployment: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("42" * 32)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "no.json").write_text("{}")
    said = {
        "seven": "'seven' is not a valid integer range",
        "9": "9 is not in the range 1<=x<=3",
        "2": "",
        str(tmp_path / "no.json"): "addresses = None: must be an object",
        str(deployment): "",
        "nonsense": "nor is it a list file that exists",
        PEER: "",
        "localhost": "use an http:// or https:// URL",
        "http://127.0.0.1:9": "",
        "y": "",
        f"{tmp_path}/none.key": "no such file; give one with the private key",
        f"{tmp_path}/key": "",
        "n": "",
        "0": "0 is not in the range 1<=x<=1024",
        "8": "",
        "-1": "'-1': give JOY from 0",
        "0.02": "",
        "much": "'much': give JOY from 0",
        "12.5": "",
        "": "",
        "my-house": "'my-house': give four numbers, for example 198.51.100.4",
        "198.51.100.4": "",
        "99999": "99999 is not in the range 1<=x<=65535",
        "4100": "",
    }
    made = run("init", tmp_path / "node", "--ask", answers="".join(f"{line}\n" for line in [*said, "y"]))
    assert made.exit_code == 0, made.output
    for answer, reason in said.items():
        assert reason in made.output, answer
    config = load_config(tmp_path / "node" / "p2pnode.toml", {})
    assert (config.worker.capacity, config.worker.price) == (8, JOY // 50)
    assert config.network.bootstrap == (PEER,)
    assert "--stake 12.5" in made.output


def test_without_a_terminal_or_a_password_it_says_where_to_put_one(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["init", str(tmp_path / "node")], env={"P2PNODE_PASSWORD": ""})
    assert refused.exit_code == 2
    assert "no password: give --password-file or set P2PNODE_PASSWORD" in refused.output
    assert not (tmp_path / "node").exists()


def test_a_requester_presses_enter_all_the_way(tmp_path: Path) -> None:
    made = run("init", tmp_path / "node", "--ask", answers="\n" * 12)
    assert made.exit_code == 0, made.output
    config = load_config(tmp_path / "node" / "p2pnode.toml", {})
    assert (config.worker.enabled, config.requester.enabled, config.api.enabled) == (False, True, True)
    assert config.network.listen == ("/ip4/0.0.0.0/tcp/4001",)
    assert "escrow deposit" in made.output
    assert "node register" not in made.output


def test_a_worker_is_measured_and_told_what_comes_next(
    deployment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("network", "add", "testnet", deployment, "--bootstrap", PEER)
    measured: list[Any] = []

    def measure(*given: Any) -> tuple[int, int]:
        measured.append(given)
        return 96, 3 * 10**15

    monkeypatch.setattr(init_wizard, "_measure", measure)
    selling = [
        "2",
        "1",
        "http://127.0.0.1:9",
        "n",
        "y",
        "",
        "",
        "25",
        str(DIGITS),
        f"{tmp_path}/none.onnx",
        "",
    ]
    answers = "".join(f"{line}\n" for line in [*selling, "198.51.100.4", "4100", "n"])
    made = run("init", tmp_path / "node", "--ask", answers=answers)
    assert made.exit_code == 0, made.output
    config = load_config(tmp_path / "node" / "p2pnode.toml", {})
    assert len(measured) == 1
    assert (config.worker.enabled, config.requester.enabled) == (True, False)
    assert (config.worker.capacity, config.worker.price) == (96, 3 * JOY // 1000)
    assert config.network.announce == ("/ip4/198.51.100.4/tcp/4100",)
    assert config.chain.rpc_url == "http://127.0.0.1:9"
    assert not config.api.enabled
    digest = content_digest(DIGITS.read_bytes())
    assert (config.blobs / digest.hex()).read_bytes() == DIGITS.read_bytes()
    assert to_cid(digest) in made.output
    assert "none.onnx is no file" in made.output
    assert "node register --stake 25" in made.output


def test_a_machine_that_cannot_prove_is_set_up_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> tuple[int, int]:
        raise ProverError("prover x is not an executable file; run `p2pnode prover build`")

    monkeypatch.setattr(init_wizard, "_measure", fail)
    made = run("init", tmp_path / "node", "--ask", answers="3\n" + "\n" * 20)
    assert made.exit_code == 0, made.output
    assert "not measured: prover x" in made.output
    assert load_config(tmp_path / "node" / "p2pnode.toml", {}).worker.capacity == 4


def test_nothing_is_written_when_the_questions_are_broken_off(tmp_path: Path) -> None:
    assert run("init", tmp_path / "node", "--ask", answers="1\n").exit_code != 0
    assert not (tmp_path / "node").exists()
