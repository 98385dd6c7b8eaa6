"""Who a node is: the account that is paid and the libp2p key behind its PeerId.

Owns `keystore.json` (Ethereum keystore v3 with scrypt, Web3 Secret Storage Definition) and the rules for
both secret files: mode 0600, never overwritten, never in a log, a repr or an exception. Raises
ConfigError.

eth_account takes most of a second of the processor to import (it brings all of BLS12-381), so that it is
imported where a key is used: much else asks this module for a file or an address alone.
"""

import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from p2pnode.errors import ConfigError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

PASSWORD_ENV = "P2PNODE_PASSWORD"
MAX_SECRET_FILE: Final = 64 << 10
SCRYPT_N: Final = 1 << 18
"""Work factor of new keystores: about a second and 256 MiB, as geth's standard."""


class Account:
    """A secp256k1 key and its address. The key leaves it only through `key`, for the signing code."""

    __slots__ = ("_local",)

    def __init__(self, key: bytes) -> None:
        from eth_account import Account as EthAccount
        from eth_utils.exceptions import ValidationError

        if len(key) != 32:
            raise ConfigError(f"account key has {len(key)} bytes; it must have 32")
        try:
            self._local: LocalAccount = EthAccount.from_key(key)
        except (ValueError, ValidationError):
            # Not chained: the cause's text holds the key.
            raise ConfigError("account key is not a secp256k1 key; it must be from 1 to n - 1") from None

    @classmethod
    def from_hex(cls, text: str) -> "Account":
        """The account of a private key in hex, with or without 0x."""
        try:
            key = bytes.fromhex(text.strip().removeprefix("0x"))
        except ValueError:
            raise ConfigError("account key is not hexadecimal; give 64 hex digits") from None
        return cls(key)

    @property
    def address(self) -> bytes:
        """The 20 bytes that name this account."""
        return bytes.fromhex(self._local.address[2:])

    @property
    def checksum_address(self) -> str:
        """The address as people read it (EIP-55)."""
        return str(self._local.address)

    @property
    def key(self) -> bytes:
        """The 32 secret bytes; hand them to signing code only."""
        return bytes(self._local.key)

    def sign_transaction(self, fields: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """The signed bytes of a transaction and its hash."""
        signed = self._local.sign_transaction(dict(fields))
        return bytes(signed.raw_transaction), bytes(signed.hash)

    def __repr__(self) -> str:
        return f"Account({self.checksum_address})"

    def __reduce__(self) -> str:
        raise TypeError("an Account holds a secret and is not pickled")


@dataclass(frozen=True, slots=True)
class Identity:
    """What `p2pnode init` made."""

    account: Account
    peer_id: str


def create_identity(
    keystore: Path,
    node_key: Path,
    password: str,
    create_key: Callable[[Path], str],
    *,
    key: bytes | None = None,
    scrypt_n: int = SCRYPT_N,
) -> Identity:
    """Make both key files, and their folder (0700) when it is missing.

    `create_key` writes the libp2p key to a path and returns its PeerId (`p2pnode.network`). `key` imports
    an account instead of a random one. Raises ConfigError when one of the files exists already.
    """
    try:
        keystore.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{keystore.parent}: {error.strerror}; choose a folder you can write") from error
    if node_key.exists():
        raise ConfigError(f"{node_key} exists already; choose another folder, or move it away first")
    account = create_account(keystore, password, key=key, scrypt_n=scrypt_n)
    peer_id = create_key(node_key)
    node_key.chmod(0o600)
    return Identity(account, peer_id)


def create_account(
    path: Path, password: str, *, key: bytes | None = None, scrypt_n: int = SCRYPT_N
) -> Account:
    """Write a new keystore at `path` with mode 0600 and return its account; never overwrites."""
    from eth_account import Account as EthAccount

    if not password:
        raise ConfigError("password is empty; choose one of at least one character")
    account = Account(secrets.token_bytes(32) if key is None else key)
    keystore = EthAccount.encrypt(account.key, password, kdf="scrypt", iterations=scrypt_n)
    write_secret(path, json.dumps(keystore).encode())
    return account


def load_account(path: Path, password: str) -> Account:
    """Decrypt the keystore at `path`. Raises ConfigError for a wrong password, mode or content."""
    from eth_account import Account as EthAccount

    raw = read_secret(path, "run `p2pnode init` first")
    try:
        keystore = json.loads(raw)
        key = bytes(EthAccount.decrypt(keystore, password))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise ConfigError(f"{path}: wrong password; check {PASSWORD_ENV} or password_file") from None
        raise ConfigError(f"{path}: not a keystore (version 3); restore it from a backup") from None
    except (KeyError, TypeError, NotImplementedError):
        raise ConfigError(f"{path}: not a keystore (version 3); restore it from a backup") from None
    return Account(key)


def keystore_address(path: Path) -> bytes:
    """The 20-byte address that a keystore names, without its password."""
    try:
        address = bytes.fromhex(str(json.loads(read_secret(path, "run `p2pnode init` first"))["address"]))
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: names no address; restore it from a backup") from None
    if len(address) != 20:
        raise ConfigError(f"{path}: names an address of {len(address)} bytes; restore it from a backup")
    return address


def read_password(
    password_file: Path | None, env: Mapping[str, str], prompt: Callable[[], str] | None = None
) -> str:
    """The keystore's password: from `P2PNODE_PASSWORD`, else the file's first line, else `prompt`."""
    if env.get(PASSWORD_ENV):
        return env[PASSWORD_ENV]
    if password_file is not None:
        lines = read_secret(password_file, "create it, or set P2PNODE_PASSWORD").decode(errors="replace")
        password = lines.splitlines()[0] if lines else ""
        if not password:
            raise ConfigError(f"password_file {password_file}: first line is empty; write the password there")
        return password
    if prompt is None:
        raise ConfigError(f"no password: set {PASSWORD_ENV} or password_file; there is no terminal to ask on")
    return prompt()


def write_secret(path: Path, data: bytes) -> None:
    """Create `path` with mode 0600 and `data`; refuses to replace a file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; choose another folder, or move it away first") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; choose a folder you can write") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path, remedy: str) -> bytes:
    """The content of a file that only its owner may read; at most 64 KiB."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigError(f"{path} has mode {mode:04o}, so others can read it; run: chmod 600 {path}")
            data = file.read(MAX_SECRET_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; {remedy}") from error
    if len(data) > MAX_SECRET_FILE:
        raise ConfigError(f"{path}: larger than {MAX_SECRET_FILE} bytes; {remedy}")
    return data
