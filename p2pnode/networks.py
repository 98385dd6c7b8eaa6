"""Shared networks that this user knows by name: deployment file, bootstrap peers, endpoint."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from p2pnode.errors import ConfigError

FOLDER_ENV: Final = "P2PNODE_NETWORKS"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_DEPLOYMENT: Final = "deployment.json"
_PEERS: Final = "bootstrap.peers"
_NAMES: Final = "bootstrap.names"
_RPC: Final = "rpc_url"


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """One network; `rpc_url` is empty where everyone brings an endpoint of their own.

    `dns_names` are its bootstrap peers in DNS, as `/dnsaddr/<name>`.
    """

    name: str
    folder: Path
    rpc_url: str
    dns_names: tuple[str, ...]

    @property
    def deployment(self) -> Path:
        return self.folder / _DEPLOYMENT

    @property
    def peers(self) -> Path:
        return self.folder / _PEERS

    def settings(self) -> dict[str, str]:
        """What `p2pnode init` writes for it."""
        peers = ",".join([str(self.peers), *self.dns_names])
        found = {"chain.deployment": str(self.deployment), "network.bootstrap": peers}
        return {**found, "chain.rpc_url": self.rpc_url} if self.rpc_url else found


def networks_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where networks are kept."""
    return Path(environment.get(FOLDER_ENV) or "~/.p2pnode/networks").expanduser()


def known_networks() -> list[KnownNetwork]:
    """All, by name."""
    folder = networks_folder()
    found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [_read(path) for path in found if (path / _DEPLOYMENT).is_file()]


def find_network(name: str) -> KnownNetwork:
    """The network of that name. Raises ConfigError."""
    for network in known_networks():
        if network.name == name:
            return network
    known = ", ".join(network.name for network in known_networks()) or "none"
    raise ConfigError(f"network {name!r:.40}: unknown, known are {known}; `p2pnode network add` adds one")


def add_network(
    name: str, deployment: Path, peers: Sequence[str], dns_names: Sequence[str], rpc_url: str
) -> KnownNetwork:
    """Keep copies under `name`; replaces an older one whole. `peers` are multiaddrs. Raises ConfigError."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"network {name!r:.40}: use 1 to 32 of a-z, 0-9 and -, no - at first")
    target = networks_folder() / name
    partial = target.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(mode=0o700, parents=True)
        shutil.copyfile(deployment, partial / _DEPLOYMENT)
        (partial / _PEERS).write_text("".join(f"{peer}\n" for peer in peers))
        (partial / _NAMES).write_text("".join(f"{entry}\n" for entry in dns_names))
        if rpc_url:
            (partial / _RPC).write_text(rpc_url + "\n")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise ConfigError(f"{target}: {error.strerror}; choose a folder you can write") from error
    return _read(target)


def _read(folder: Path) -> KnownNetwork:
    rpc = folder / _RPC
    rpc_url = rpc.read_text().strip() if rpc.is_file() else ""
    return KnownNetwork(folder.name, folder, rpc_url, tuple((folder / _NAMES).read_text().split()))
