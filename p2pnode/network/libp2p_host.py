"""The libp2p host under a node: what it speaks, whom it lets in, where it listens."""

import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import trio
from libp2p import new_host
from libp2p.abc import IHost
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.swarm import Swarm
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.utils.address_validation import expand_wildcard_address

from p2pnode.errors import ConfigError
from p2pnode.network.address import Multiaddr, parse_address
from p2pnode.network.admission import Admission
from p2pnode.network.guard import guard_swarm
from p2pnode.network.muxer import FrugalYamux
from p2pnode.network.noise import WholeWriteNoise
from p2pnode.network.settings import NetworkSettings

ADDRESS_SECONDS = 5.0
"""How long after a change of this machine's network addresses we may still tell the old ones."""


def make_host(
    settings: NetworkSettings, key: KeyPair, psk: bytes | None, external: Sequence[Multiaddr] = ()
) -> IHost:
    """A host that does not listen yet; ProtocolError for a wrong `announce`.

    `external` is read anew each time: addresses found out while the node runs, told beside those it has.
    """
    announce = [parse_address(address) for address in settings.announce]

    def advertised(candidates: list[Multiaddr]) -> list[Multiaddr]:
        if announce:
            return announce
        own = [address for candidate in candidates for address in expand_wildcard_address(candidate)]
        return list({str(address): address for address in [*external, *own]}.values())

    host = new_host(
        key_pair=key,
        # Row 22: by default the library also takes plaintext, secio and TLS connections.
        sec_opt={NOISE: WholeWriteNoise(key)},
        muxer_opt={TProtocol(YAMUX): FrugalYamux},
        connection_config=ConnectionConfig(
            max_connections=settings.max_connections,
            # Both 0: we choose whom to dial ourselves, in `Peers`.
            min_connections=0,
            low_watermark=0,
            high_watermark=settings.max_connections,
            dial_timeout=settings.dial_seconds,
            allow_list=list(settings.allow),
            deny_list=list(settings.deny),
        ),
        addrs_factory=advertised,
        disable_identify_address_discovery=True,
    )
    swarm = cast(Swarm, host.get_network())
    swarm.retry_config = RetryConfig(max_retries=0)
    _keep_addresses(host, swarm, external)
    guard_swarm(swarm, Admission(settings.max_per_ip, trio.current_time), psk)
    return host


def _keep_addresses(host: IHost, swarm: Swarm, external: Sequence[Multiaddr]) -> None:
    """Work out our addresses once in a while: the library wants them for each gossip message."""
    work_out = host.get_addrs
    kept: tuple[object, float, list[Multiaddr]] = (None, 0.0, [])

    def get_addrs() -> list[Multiaddr]:
        nonlocal kept
        basis, now = (tuple(swarm.listeners), tuple(external)), time.monotonic()
        if basis != kept[0] or now >= kept[1] or not kept[2]:
            kept = basis, now + ADDRESS_SECONDS, work_out()
        return list(kept[2])

    host.get_addrs = get_addrs  # type: ignore[method-assign]


@asynccontextmanager
async def listening(host: IHost, listen: Sequence[Multiaddr]) -> AsyncIterator[None]:
    """Listen while in the context; ConfigError when an address is wrong or taken."""
    for address in listen:
        _check_free(address)
    async with host.run(listen_addrs=listen):
        missing = {str(address) for address in listen} - set(cast(Swarm, host.get_network()).listeners)
        if missing:
            raise ConfigError(f"network.listen: cannot listen on {', '.join(sorted(missing))}")
        yield


def _check_free(address: Multiaddr) -> None:
    """Row 27: the library sets SO_REUSEPORT, so a second node on a port would silently share it."""
    names = [protocol.name for protocol in address.protocols()]
    if len(names) != 2 or names[0] not in ("ip4", "ip6") or names[1] != "tcp":
        raise ConfigError(f"network.listen: {address} is not a TCP address: write /ip4/<address>/tcp/<port>")
    family, host, _, port = str(address).strip("/").split("/")
    try:
        probe = socket.socket(socket.AF_INET6 if family == "ip6" else socket.AF_INET)
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except OSError as error:
        raise ConfigError(f"network.listen: cannot listen on {address}: {error.strerror}") from error


def listening_port(host: IHost) -> int:
    """The first TCP port that others dial."""
    return int(host.get_addrs()[0].value_for_protocol("tcp") or 0)
