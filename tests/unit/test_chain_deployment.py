"""The deployment file: each field refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from p2pnode.chain.contract import NAMES
from p2pnode.chain.deployment import load_deployment
from p2pnode.errors import ConfigError

GOOD: dict[str, Any] = {
    "chainId": 31337,
    "blockNumber": 3,
    "imageId": "0x" + "ab" * 32,
    "addresses": {name: "0x" + f"{index:02x}" * 20 for index, name in enumerate(NAMES, 1)},
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "deployment.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    deployment = load_deployment(write(tmp_path, {**GOOD, "note": "further fields are allowed"}))
    assert (deployment.chain_id, deployment.block) == (31337, 3)
    assert deployment.image_id == b"\xab" * 32
    assert deployment.addresses["JoyToken"] == b"\x01" * 20


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chainId", 0),
        ("chainId", "31337"),
        ("chainId", True),
        ("chainId", 1 << 64),
        ("blockNumber", -1),
        ("blockNumber", None),
        ("imageId", "0x12"),
        ("imageId", 5),
        ("addresses", []),
    ],
)
def test_a_bad_field_is_named(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        load_deployment(write(tmp_path, {**GOOD, field: value}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, "0x00", "5fbdb2315678afecb367f032d93f642f64180aa3", 7])
def test_a_bad_address_is_named(tmp_path: Path, name: str, value: Any) -> None:
    content = {**GOOD, "addresses": {**GOOD["addresses"], name: value}}
    with pytest.raises(ConfigError, match=f"addresses.{name}"):
        load_deployment(write(tmp_path, content))


@pytest.mark.parametrize("content", ["", "{", "[]", " " * 70000, "null"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"chain\.deployment"):
        load_deployment(write(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="network you join"):
        load_deployment(tmp_path / "none.json")
