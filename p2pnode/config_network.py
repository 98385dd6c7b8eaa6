"""Settings of the table [network]; part of `config`."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from p2pnode.settings import Setting


def _check_listen(value: tuple[str, ...]) -> str | None:
    return _check_announce(value) if value else "give at least one address, for example /ip4/0.0.0.0/tcp/4001"


def _check_announce(value: tuple[str, ...]) -> str | None:
    for address in value:
        if not address.startswith("/") or address.count("/") < 4:
            return f"{address!r} is no multiaddr; write for example /ip4/0.0.0.0/tcp/4001"
    return None


def _check_bootstrap(value: tuple[str, ...]) -> str | None:
    right = "remove the empty entry; give multiaddrs ending in /p2p/<peer id>, or list files"
    return None if all(value) else right


def _check_blocks(value: tuple[str, ...]) -> str | None:
    for entry in value:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return f"{entry!r} is no IP address or block; write for example 192.0.2.0/24"
    return None


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """How this node is reached and how it finds the others."""

    listen: Annotated[
        tuple[str, ...], Setting("Multiaddrs to listen on; port 0 takes a free one.", check=_check_listen)
    ] = ("/ip4/0.0.0.0/tcp/4001",)
    bootstrap: Annotated[
        tuple[str, ...],
        Setting(
            "Peers to join by: multiaddrs with /p2p/<peer id>, /dnsaddr/<name>, or files that list them.",
            check=_check_bootstrap,
            paths=True,
        ),
    ] = ()
    announce: Annotated[
        tuple[str, ...],
        Setting("Multiaddrs to tell peers instead, behind a forwarded port.", check=_check_announce),
    ] = ()
    mdns: Annotated[bool, Setting("Also find peers on the local network.")] = True
    upnp: Annotated[bool, Setting("Have the router forward the port, by UPnP.")] = False
    builtin_bootstrap: Annotated[bool, Setting("Also join by the peers that this release lists.")] = True
    psk_file: Annotated[
        Path | None, Setting("Key file (mode 0600, swarm.key format) of a private network.")
    ] = None
    allow: Annotated[
        tuple[str, ...],
        Setting(
            "IP addresses or CIDR blocks; if there are any, only these are dialled and let in.",
            check=_check_blocks,
        ),
    ] = ()
    deny: Annotated[
        tuple[str, ...],
        Setting("IP addresses or CIDR blocks that are neither dialled nor let in.", check=_check_blocks),
    ] = ()
    max_connections: Annotated[int, Setting("Most connections in all.", 1, 63)] = 60
    max_per_ip: Annotated[
        int, Setting("Most connections that one IPv4 address or IPv6 /64 may open to this node.", 1, 63)
    ] = 20
    blob_quota_mib: Annotated[
        int, Setting("Most disk space of models, in MiB; published ones are never thrown out.", 64, 1 << 24)
    ] = 20480
    relay: Annotated[bool, Setting("Pass on connections for peers that cannot be dialled.")] = False
    relay_reservations: Annotated[
        int, Setting("Most peers that can be reached through this node as a relay.", 1, 1024)
    ] = 32
    relay_mib: Annotated[
        int, Setting("Most MiB of one relayed connection, both ways together.", 1, 65536)
    ] = 64
    relay_seconds: Annotated[int, Setting("Most seconds of one relayed connection.", 10, 86400)] = 600
