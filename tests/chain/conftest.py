"""A real chain: one Hardhat node with mainnet's rules for the whole session, and the contracts on it."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import trio

from p2pnode.chain import MemoryTxLog
from p2pnode.config import ChainConfig
from p2pnode.identity import Account

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
BIN = ROOT / ".venv" / "bin"
START_SECONDS = 120
# Hardhat's development accounts, printed by every `hardhat node`; the first one holds all JOY.
KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)
ETHER = 10**18
IMAGE_ID = "0x" + "11" * 32


@dataclass(frozen=True)
class Devnet:
    """A running chain: its URL and the deployment file."""

    url: str
    deployment: Path

    def rpc(self, method: str, *params: Any) -> Any:
        """A JSON-RPC call outside of the code under test."""
        return rpc(self.url, method, *params)

    @property
    def config(self) -> ChainConfig:
        return ChainConfig(rpc_url=self.url, deployment=self.deployment, poll_seconds=0.05)

    def slow(self, **changes: Any) -> ChainConfig:
        """The config with other settings."""
        return replace(self.config, **changes)


def rpc(url: str, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    with requests.post(url, json=body, timeout=30) as response:
        answer = response.json()
    assert "error" not in answer, answer
    return answer["result"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    # The Node that belongs to the project comes first; the machine's own may be too old for Hardhat.
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """Start the chain, deploy, and end it with every process it started."""
    folder = tmp_path_factory.mktemp("devnet")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    output = folder / "node.log"
    with output.open("wb") as log:
        node = subprocess.Popen(
            [str(BIN / "npx"), "hardhat", "node", "--hostname", "127.0.0.1", "--port", str(port)],
            cwd=CONTRACTS,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_chain(node, url, output)
        yield Devnet(url, deploy(url, folder))
    finally:
        os.killpg(node.pid, signal.SIGTERM)
        try:
            node.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait(10)


def wait_for_chain(node: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            assert rpc(url, "eth_chainId") == hex(31337)
            return
        except requests.RequestException:
            if node.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"hardhat node did not start:\n{output.read_text()[-2000:]}")
            time.sleep(0.1)


def deploy(url: str, folder: Path, image_id: str = IMAGE_ID) -> Path:
    """The contracts' own deploy script, for proofs of the guest `image_id`."""
    target = folder / "deployment.json"
    done = subprocess.run(
        [str(BIN / "node"), "scripts/deploy.ts"],
        cwd=CONTRACTS,
        env=environment(
            P2PNODE_RPC_URL=url,
            P2PNODE_DEPLOYMENT=str(target),
            P2PNODE_IMAGE_ID=image_id,
            P2PNODE_IGNITION_DIR=str(folder / "ignition"),
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
def chain_state(devnet: Devnet) -> Iterator[Devnet]:
    """The chain, put back after the test to what it was before."""
    snapshot = devnet.rpc("evm_snapshot")
    yield devnet
    devnet.rpc("evm_setAutomine", True)
    devnet.rpc("evm_revert", snapshot)


@pytest.fixture
def rich() -> Account:
    """Holds all JOY."""
    return Account.from_hex(KEYS[0])


@pytest.fixture
def worker() -> Account:
    """Holds gas money and no JOY."""
    return Account.from_hex(KEYS[1])


@pytest.fixture
def ledger() -> MemoryTxLog:
    return MemoryTxLog()


def edit_deployment(source: Path, target: Path, **changes: Any) -> Path:
    """A deployment file with other values."""
    target.write_text(json.dumps({**json.loads(source.read_text()), **changes}))
    return target


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the code under test does in the background; fails after 20 s."""
    deadline = trio.current_time() + 20
    while not await condition():
        assert trio.current_time() < deadline, "waited 20 s in vain"
        await trio.sleep(0.02)
