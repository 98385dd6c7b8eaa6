"""Puts the contracts on any EVM chain: what would be sent, for review, and the sending.

Needs the `contracts/` folder of a checkout that was set up.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from p2pnode.chain import inspect_purse
from p2pnode.devnet.hardhat import CONTRACTS, run_deploy
from p2pnode.errors import ConfigError
from p2pnode.identity import Account

DEPLOY_GAS: Final = 100_000_000
"""More than all transactions of a deployment take together; tests/chain measures them."""
PARAMETERS: Final = CONTRACTS / "ignition" / "parameters" / "devnet.json"
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Review:
    """All that decides what a deployment does. `balance` and `cost` (at most) in wei."""

    chain_id: int
    rpc_url: str
    deployer: bytes
    balance: int
    cost: int
    image_id: bytes
    parameters: Mapping[str, Mapping[str, Any]]

    @property
    def affordable(self) -> bool:
        """Whether the deployer can pay."""
        return self.balance >= self.cost


async def review(rpc_url: str, deployer: Account, parameters: Path, image_id: bytes) -> Review:
    """Look at the chain and the parameters; sends nothing. Raises ChainError or ConfigError."""
    purse = await inspect_purse(rpc_url, deployer.address)
    return Review(
        chain_id=purse.chain_id,
        rpc_url=rpc_url,
        deployer=deployer.address,
        balance=purse.balance,
        cost=DEPLOY_GAS * purse.gas_price,
        image_id=image_id,
        parameters=read_parameters(parameters),
    )


def read_parameters(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Ignition's parameters by module. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except OSError as error:
        raise ConfigError(
            f"parameters {path}: {error.strerror}; see contracts/ignition/parameters"
        ) from error
    except ValueError as error:
        raise ConfigError(f"parameters {path}: not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(module, dict) for module in found.values()):
        raise ConfigError(f"parameters {path}: must be an object of modules, each an object of parameters")
    return found


async def deploy_network(
    reviewed: Review, deployer: Account, parameters: Path, target: Path, say: Callable[[str], None]
) -> Path:
    """Send what was reviewed; returns the file of the compiler's input. Paths are absolute.

    A deployment that broke off goes on where it stopped: its journal is kept beside `target` too. Raises
    DevnetError with the script's own words.
    """
    folder = target.parent
    sources = target.with_suffix(".sources.json")
    await run_deploy(
        folder / f"{target.stem}.log",
        say,
        TMPDIR=str(folder),
        P2PNODE_RPC_URL=reviewed.rpc_url,
        P2PNODE_DEPLOYER_KEY="0x" + deployer.key.hex(),
        P2PNODE_PARAMETERS=str(parameters),
        P2PNODE_IMAGE_ID=reviewed.image_id.hex(),
        P2PNODE_DEPLOYMENT=str(target),
        P2PNODE_IGNITION_DIR=str(folder / f"{target.stem}.ignition"),
        P2PNODE_SOURCES=str(sources),
    )
    return sources
