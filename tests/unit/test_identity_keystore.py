"""Key files: their modes, their passwords, and that no secret leaks."""

import json
import pickle
import stat
from pathlib import Path

import pytest

from p2pnode.errors import ConfigError
from p2pnode.identity import (
    Account,
    create_account,
    create_identity,
    keystore_address,
    load_account,
    read_password,
)

FAST = 1 << 4
"""scrypt work factor: the cost is the same code, only quicker."""
KEY = bytes(range(1, 33))


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "keystore.json", folder / "node.key"


def make_key(path: Path) -> str:
    path.write_bytes(b"ed25519")
    return "12D3KooWExample"


def test_a_keystore_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    made = create_account(path, "correct horse", key=KEY, scrypt_n=FAST)
    assert load_account(path, "correct horse").key == KEY
    assert keystore_address(path) == made.address
    keystore = json.loads(path.read_text())
    assert (keystore["version"], keystore["crypto"]["kdf"]) == (3, "scrypt")
    assert KEY.hex() not in path.read_text()


def test_random_accounts_differ(tmp_path: Path) -> None:
    first = create_account(tmp_path / "a", "p", scrypt_n=FAST)
    assert first.address != create_account(tmp_path / "b", "p", scrypt_n=FAST).address


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    identity = create_identity(*files(tmp_path / "node"), "p", make_key, scrypt_n=FAST)
    assert identity.peer_id == "12D3KooWExample"
    assert stat.S_IMODE((tmp_path / "node").stat().st_mode) == 0o700
    for name in ("keystore.json", "node.key"):
        assert stat.S_IMODE((tmp_path / "node" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644])
def test_a_readable_keystore_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keystore.json"
    create_account(path, "p", scrypt_n=FAST)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_account(path, "p")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    made = create_identity(*files(tmp_path), "p", make_key, scrypt_n=FAST)
    with pytest.raises(ConfigError, match="exists already"):
        create_identity(*files(tmp_path), "p", make_key, scrypt_n=FAST)
    with pytest.raises(ConfigError, match="exists already"):
        create_account(tmp_path / "keystore.json", "p", scrypt_n=FAST)
    assert load_account(tmp_path / "keystore.json", "p").address == made.account.address


def test_a_wrong_password_is_said_without_the_password(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    create_account(path, "right", scrypt_n=FAST)
    with pytest.raises(ConfigError, match="wrong password") as caught:
        load_account(path, "tulip-19")
    assert "tulip-19" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'"x"', b'{"version": 3, "crypto": {}}', b"\xff"])
def test_a_broken_keystore_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a keystore"):
        load_account(path, "p")
    with pytest.raises(ConfigError, match="names no address"):
        keystore_address(path)


def test_a_missing_keystore_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="p2pnode init"):
        load_account(tmp_path / "keystore.json", "p")


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="password is empty"):
        create_account(tmp_path / "keystore.json", "", scrypt_n=FAST)


def test_the_key_is_in_no_text_of_an_account() -> None:
    account = Account(KEY)
    for text in (repr(account), str(account), f"{account}"):
        assert KEY.hex() not in text
        assert account.checksum_address in text
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(account)


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32, b"short"])
def test_a_bad_key_is_refused_without_being_shown(key: bytes) -> None:
    with pytest.raises(ConfigError, match="account key") as caught:
        Account(key)
    assert key.hex() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_hex_keys_are_read_with_and_without_prefix() -> None:
    assert Account.from_hex("0x" + KEY.hex()).address == Account.from_hex(KEY.hex() + "\n").address
    with pytest.raises(ConfigError, match="hexadecimal") as caught:
        Account.from_hex("0xnothex")
    assert "nothex" not in str(caught.value)


def test_password_sources_in_order(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("from file\nsecond line\n")
    path.chmod(0o600)
    assert read_password(path, {"P2PNODE_PASSWORD": "from env"}) == "from env"
    assert read_password(path, {}) == "from file"
    assert read_password(None, {}, lambda: "typed") == "typed"
    with pytest.raises(ConfigError, match="P2PNODE_PASSWORD"):
        read_password(None, {})


@pytest.mark.parametrize(
    ("content", "mode", "remedy"), [("p\n", 0o644, "chmod 600"), ("", 0o600, "first line")]
)
def test_a_bad_password_file_is_refused(tmp_path: Path, content: str, mode: int, remedy: str) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=remedy):
        read_password(path, {})
