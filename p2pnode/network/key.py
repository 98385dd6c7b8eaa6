"""The node's libp2p identity: an Ed25519 key in a file that only its owner can read.

The file holds the key as libp2p's protobuf PrivateKey (libp2p peer-ids spec), base64 on one line. It is
never logged and never leaves this module but as a KeyPair.
"""

import base64
import binascii
import os
import stat
from pathlib import Path

from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair, KeyType
from libp2p.crypto.serialization import deserialize_private_key
from libp2p.peer.id import ID

from p2pnode.errors import ConfigError


def create_key(path: Path) -> str:
    """Write a new key to `path` (0600, the file must not exist); returns its base58 peer ID."""
    pair = create_new_key_pair()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(f"node key {path} exists already: remove it to get a new identity") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(pair.private_key.serialize()) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return ID.from_pubkey(pair.public_key).to_base58()


def load_key(path: Path) -> KeyPair:
    """The key in `path`; ConfigError when it is missing, not a key, or readable by others."""
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"node key {path} cannot be read ({error.strerror}): run `p2pnode init`") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"node key {path} has mode {stat.S_IMODE(mode):04o}: run `chmod 600 {path}`")
    try:
        private = deserialize_private_key(base64.b64decode(text.strip(), validate=True))
        if private.get_type() is not KeyType.Ed25519:
            raise ValueError("not an Ed25519 key")
        return KeyPair(private, private.get_public_key())
    except (ValueError, binascii.Error, KeyError, TypeError) as error:
        raise ConfigError(
            f"node key {path} is not a libp2p Ed25519 key: restore it or run `p2pnode init`"
        ) from error
    except Exception:
        # protobuf's own DecodeError; its text may quote the file, so the cause is not chained.
        raise ConfigError(f"node key {path} is damaged: restore it or run `p2pnode init`") from None


def peer_id_of(path: Path) -> str:
    """The base58 peer ID of the key in `path`."""
    return ID.from_pubkey(load_key(path).public_key).to_base58()
