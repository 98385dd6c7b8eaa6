"""Where the contracts are: the deployment file that the deploy script writes and operators pass on."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from p2pnode.chain.contract import NAMES
from p2pnode.errors import ConfigError

MAX_BYTES: Final = 1 << 16
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DIGEST = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Chain id, 20-byte addresses by contract name, first block, and the guest's image ID (32 bytes)."""

    chain_id: int
    addresses: Mapping[str, bytes]
    block: int
    image_id: bytes


def load_deployment(path: Path) -> Deployment:
    """Read `{chainId, addresses, blockNumber, imageId}`. Raises ConfigError naming the field."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"chain.deployment {path}: {error.strerror}; take the deployment file of the network you join"
        ) from error
    try:
        loaded = json.loads(raw) if len(raw) <= MAX_BYTES else None
    except ValueError as error:
        raise ConfigError(f"chain.deployment {path}: not JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"chain.deployment {path}: must hold a JSON object of at most {MAX_BYTES} bytes")
    found = loaded.get("addresses")
    if not isinstance(found, dict):
        raise _wrong(path, "addresses", found, "an object of contract names and addresses")
    addresses = {name: _hex(path, f"addresses.{name}", found.get(name), _ADDRESS) for name in NAMES}
    return Deployment(
        chain_id=_count(path, "chainId", loaded.get("chainId"), 1),
        addresses=addresses,
        block=_count(path, "blockNumber", loaded.get("blockNumber"), 0),
        image_id=_hex(path, "imageId", loaded.get("imageId"), _DIGEST),
    )


def _count(path: Path, name: str, value: Any, low: int) -> int:
    if type(value) is not int or not low <= value < 1 << 64:
        raise _wrong(path, name, value, f"an integer from {low} on")
    return value


def _hex(path: Path, name: str, value: Any, pattern: re.Pattern[str]) -> bytes:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _wrong(
            path, name, value, "0x and 40 hex digits" if pattern is _ADDRESS else "0x and 64 hex digits"
        )
    return bytes.fromhex(value[2:])


def _wrong(path: Path, name: str, value: Any, right: str) -> ConfigError:
    return ConfigError(f"chain.deployment {path}: {name} = {value!r:.80}: must be {right}")
