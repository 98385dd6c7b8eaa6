"""Inputs that only the awarded worker can read."""

from typing import Protocol


class Seals(Protocol):
    """Seals to the key behind a PeerId and opens with this node's own. Raises ProtocolError.

    What is sealed for one award (task ID) opens for no other.
    """

    def seal(self, peer: str, task_id: bytes, tensors: bytes) -> bytes: ...

    def open(self, task_id: bytes, sealed: bytes) -> bytes: ...
