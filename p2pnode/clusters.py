"""The proving cluster that the settings name, with its token."""

from pathlib import Path

from p2pnode.config import ProverConfig
from p2pnode.errors import ConfigError
from p2pnode.identity import read_secret
from p2pnode.proving import Cluster


def cluster_of(config: ProverConfig) -> Cluster | None:
    """The cluster of `prover.cluster_url`; None where this machine proves. Raises ConfigError."""
    if not config.cluster_url:
        return None
    token = "" if config.cluster_token_file is None else _read_token(config.cluster_token_file)
    return Cluster(config.cluster_url, token, config.cluster_seconds, config.cluster_fallback)


def _read_token(path: Path) -> str:
    """One line of printable ASCII, as a header field needs it; it never reaches a message."""
    remedy = "write the cluster's token into it, or leave prover.cluster_token_file out"
    token = read_secret(path, remedy).decode("ascii", errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(f"prover.cluster_token_file {path}: holds no single line of ASCII; {remedy}")
    return token
