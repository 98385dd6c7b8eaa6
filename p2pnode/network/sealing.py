"""The port Seals over the node's libp2p key."""

from pathlib import Path

from p2pnode.network.key import load_key
from p2pnode.protocol.sealing import open_input, seal_input


class NodeSeals:
    """Implements `ports.Seals` with the key in a file. Raises ConfigError where that is damaged."""

    def __init__(self, key_path: Path) -> None:
        self._seed = load_key(key_path).private_key.to_bytes()

    def seal(self, peer: str, task_id: bytes, tensors: bytes) -> bytes:
        """See `ports.Seals`."""
        return seal_input(peer, task_id, tensors)

    def open(self, task_id: bytes, sealed: bytes) -> bytes:
        """See `ports.Seals`."""
        return open_input(self._seed, task_id, sealed)
