"""Addresses through a relay: `/ip4/1.2.3.4/tcp/4001/p2p/<relay>/p2p-circuit/p2p/<peer>`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from libp2p.abc import IHost, INetStream
from libp2p.peer.id import ID
from multiaddr.protocols import P_P2P_CIRCUIT  # type: ignore[import-untyped]

from p2pnode.errors import P2PNodeError
from p2pnode.network.address import Multiaddr, split_address
from p2pnode.network.records import MAX_ADDRESSES, known_addresses

log = structlog.get_logger("p2pnode.network")

MAX_CIRCUITS = 4
"""Circuit addresses of one peer that are looked at."""


@dataclass(frozen=True, slots=True)
class Via:
    """A relay and where it can be dialled."""

    relay: ID
    address: Multiaddr

    def circuit(self) -> Multiaddr:
        """The address of a peer behind this relay, without that peer's ID."""
        return Multiaddr(f"{self.address}/p2p/{self.relay.to_base58()}/p2p-circuit")


def is_circuit(address: Multiaddr) -> bool:
    """Whether `address` leads through a relay."""
    return any(protocol.code == P_P2P_CIRCUIT for protocol in address.protocols())


def is_relayed(stream: INetStream) -> bool:
    """Whether `stream` is of a connection through a relay."""
    return any(map(is_circuit, stream.muxed_conn.get_transport_addresses()))


def own_addresses(host: IHost) -> list[Multiaddr]:
    """Where this node itself can be dialled, with its ID: what it tells peers but for its relays."""
    return [address for address in host.get_addrs() if not is_circuit(address)][:MAX_ADDRESSES]


def vias(host: IHost, peer: ID) -> list[Via]:
    """The relays that `peer` says it can be reached through."""
    found: dict[ID, Via] = {}
    for address in known_addresses(host, peer):
        if is_circuit(address):
            try:
                relay, at = split_address(str(address).partition("/p2p-circuit")[0])
            except P2PNodeError as error:
                log.debug("circuit.bad_address", peer=peer.to_base58(), error=str(error))
                continue
            if relay not in (peer, host.get_id()):
                found.setdefault(relay, Via(relay, at))
    return list(found.values())[:MAX_CIRCUITS]


def tell_circuits(host: IHost, circuits: Callable[[], Sequence[Via]]) -> None:
    """Have `host` tell peers of its circuit addresses too, read anew each time; at most eight in all.

    Row 36: the library cuts such an address off before the relay's ID and puts ours there, which names
    the relay's address as our own.
    """
    plain = host.get_addrs

    def get_addrs() -> list[Multiaddr]:
        own = Multiaddr(f"/p2p/{host.get_id().to_base58()}")
        through = [via.circuit().encapsulate(own) for via in circuits()]
        return [*plain()[: MAX_ADDRESSES - len(through)], *through]

    host.get_addrs = get_addrs  # type: ignore[method-assign]
