"""What a prover is: its guest, its version, and the cluster that proves in its place."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """What a binary proves: its guest's image ID, 32 bytes, by which version of risc0-zkvm."""

    image_id: bytes
    risc0_version: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where it is, the token for it (empty for none), seconds that a session may take.

    With `fallback` a job that the cluster does not prove is proved on this machine.
    """

    url: str
    token: str = field(default="", repr=False)
    seconds: float = 1800.0
    fallback: bool = True
