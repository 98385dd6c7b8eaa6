"""Real seals for the simulation's peers, whose key follows from their name."""

import hashlib

import base58
from nacl.signing import SigningKey

from p2pnode.protocol.sealing import open_input, seal_input


def seed_of(name: str) -> bytes:
    """The peer's Ed25519 seed."""
    return hashlib.sha256(b"peer " + name.encode()).digest()


def peer_id_of(seed: bytes) -> str:
    """The libp2p PeerId of an Ed25519 key (libp2p peer-ids specification)."""
    public = SigningKey(seed).verify_key.encode()
    return base58.b58encode(bytes.fromhex("002408011220") + public).decode()


class FakeSeals:
    """Implements `ports.Seals` for the peer `name`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def seal(self, peer: str, task_id: bytes, tensors: bytes) -> bytes:
        return seal_input(peer_id_of(seed_of(peer)), task_id, tensors)

    def open(self, task_id: bytes, sealed: bytes) -> bytes:
        return open_input(seed_of(self._name), task_id, sealed)
