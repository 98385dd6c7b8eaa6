"""The doctor on a machine without a chain: what is missing is named with its remedy."""

import json
import shutil
import socket
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio
from click.testing import CliRunner, Result

from p2pnode.chain.contract import NAMES
from p2pnode.cli.main import main
from p2pnode.config import ChainConfig, Config, load_config
from p2pnode.doctor import Check, Outcome, account, machine, peers
from tests.quick import quick_scrypt


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's folder as `init` makes it."""
    quick_scrypt(monkeypatch)
    folder = tmp_path / "node"
    arguments = ["init", str(folder), "--set", "network.listen=/ip4/127.0.0.1/tcp/0"]
    made = CliRunner().invoke(main, arguments, env={"P2PNODE_PASSWORD": "secret"})
    assert made.exit_code == 0, made.output
    return folder


def doctor(folder: Path, *more: str) -> tuple[Result, dict[str, Any]]:
    arguments = ["doctor", "--config", str(folder / "p2pnode.toml"), "--json", *more]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    found = json.loads(result.stdout)
    return result, {check["name"]: check for check in found["checks"]}


def test_a_new_node_lacks_a_chain_and_is_told_so(home: Path) -> None:
    result, checks = doctor(home)
    assert result.exit_code == 1
    assert not json.loads(result.stdout)["healthy"]
    assert checks["chain"]["outcome"] == "fail"
    assert "deployment file of the network" in checks["chain"]["fix"]
    # One cause, one line: the account and the other endpoints need the file as well.
    assert "account" not in checks
    assert checks["keys.account"]["outcome"] == checks["disk.free"]["outcome"] == "ok"
    assert checks["node.running"]["fix"] == "`p2pnode run` starts it"
    assert all(check["fix"] for check in checks.values() if check["outcome"] != "ok")


def test_text_has_the_same_verdict(home: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--config", str(home / "p2pnode.toml")])
    assert result.exit_code == 1
    assert "✗ chain" in result.output
    assert "fix: " in result.output


def test_a_key_that_others_can_read_fails(home: Path) -> None:
    (home / "keystore.json").chmod(0o644)
    _, checks = doctor(home)
    assert checks["keys"]["outcome"] == "fail"
    assert "chmod 600" in checks["keys"]["fix"]


def collect(examination: Any, config: Config) -> list[Check]:
    async def look() -> list[Check]:
        return [check async for check in examination(config)]

    return trio.run(look)


def test_a_taken_port_fails(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listen = f"/ip4/127.0.0.1/tcp/{port}"
        config = load_config(home / "p2pnode.toml", {"P2PNODE_NETWORK_LISTEN": listen})
        (_, check) = collect(peers.ports, config)
    assert (check.outcome, check.name) == (Outcome.FAIL, "network.listen")
    assert str(port) in check.found


@pytest.mark.parametrize(
    ("free", "outcome"), [(100, Outcome.FAIL), (3 << 30, Outcome.WARN), (9 << 30, Outcome.OK)]
)
def test_the_disk_is_judged_by_what_is_free(
    home: Path, monkeypatch: pytest.MonkeyPatch, free: int, outcome: Outcome
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1 << 40, 0, free))
    (check,) = collect(machine.disk, load_config(home / "p2pnode.toml"))
    assert check.outcome == outcome


def test_a_bootstrap_peer_that_is_gone_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_JOIN_SECONDS", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"/ip4/127.0.0.1/tcp/{free.getsockname()[1]}"
        peer = "12D3KooWCBDf663puKKc5hBPLNexzP2tPCK2YxYuJ8NXneKjG1cZ"
        config = load_config(home / "p2pnode.toml", {"P2PNODE_NETWORK_BOOTSTRAP": f"{address}/p2p/{peer}"})
        (check,) = collect(peers.bootstrap, config)
    assert check.outcome == Outcome.FAIL
    assert address in check.found


class Endpoint(BaseHTTPRequestHandler):
    """A JSON-RPC endpoint with the faults that public ones have."""

    chain: ClassVar[int] = 7
    age: ClassVar[int] = 0
    skew: ClassVar[int] = 0
    largest: ClassVar[int] = 1 << 30

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) > self.largest:
            self.send_error(413)
            return
        call = json.loads(body)
        now = int(time.time())
        block = {"number": "0x10", "timestamp": hex(now - self.age), "gasLimit": hex(60_000_000)}
        results = {
            "eth_chainId": hex(self.chain),
            "eth_getBlockByNumber": block,
            "eth_syncing": False,
            "eth_getLogs": [],
            "eth_call": "0x",
        }
        answer = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": results[call["method"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.skew)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def chain_config(tmp_path: Path) -> Iterator[Config]:
    deployment = tmp_path / "deployment.json"
    addresses = {name: f"0x{index:040x}" for index, name in enumerate(NAMES, start=1)}
    document = {"chainId": 7, "blockNumber": 1, "imageId": "0x" + "11" * 32, "addresses": addresses}
    deployment.write_text(json.dumps(document))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield Config(chain=ChainConfig(rpc_url=url, deployment=deployment))
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({}, None),
        ({"chain": 8}, "chain.id"),
        ({"age": 3600}, "chain.sync"),
        ({"skew": 60}, "clock.offset"),
        ({"largest": 100_000}, "chain.request_size"),
    ],
)
def test_each_fault_of_an_endpoint_is_found_alone(
    chain_config: Config, monkeypatch: pytest.MonkeyPatch, fault: dict[str, int], name: str | None
) -> None:
    for field, value in fault.items():
        monkeypatch.setattr(Endpoint, field, value)
    checks = collect(account.endpoint, chain_config)
    assert [check.name for check in checks if check.outcome != Outcome.OK] == ([name] if name else [])


def test_the_guide_names_the_gas_that_the_doctor_counts_with() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operator-guide.md").read_text()
    assert f"about {account._SETTLEMENT_GAS / 10**6} million gas" in guide
