"""Every error this package raises on purpose.

One base, so that a caller can catch what the node knows about and nothing else. A message names the
field, the value and what would be right.
"""


class P2PNodeError(Exception):
    """Base of every error raised by p2pnode."""


class ConfigError(P2PNodeError):
    """A setting is missing or wrong; nothing was started."""


class ProtocolError(P2PNodeError):
    """Bytes or a message that the protocol does not allow."""


class SignatureError(ProtocolError):
    """A signature that is malformed or was made by another account than the message names."""


class NetworkError(P2PNodeError):
    """A peer could not be reached, stopped in mid-stream or answered with something else."""


class RemoteError(NetworkError):
    """A peer refused a request and said why."""


class BlobError(NetworkError):
    """Content of a CID could not be fetched, or its bytes do not hash to the CID."""


class InferenceError(P2PNodeError):
    """A model or an input that cannot be run."""


class ProverError(P2PNodeError):
    """The prover failed, was not found, or refused a proof."""


class ChainError(P2PNodeError):
    """The chain could not be reached, or a transaction failed; the message holds the revert reason."""


class StoreError(P2PNodeError):
    """The ledger holds something that contradicts what is asked of it."""


class MarketError(P2PNodeError):
    """A task cannot go on: no bid, no answer in time, or an illegal transition."""


class DevnetError(P2PNodeError):
    """A part of a network on this machine did not start, ended early, or refused a command."""
