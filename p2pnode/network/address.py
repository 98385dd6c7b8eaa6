"""Multiaddrs and peer IDs as text, checked once at the edge."""

from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.errors import NetworkError, ProtocolError

__all__ = ["Multiaddr", "parse_address", "parse_peer_id", "split_address"]

HOSTS = ("ip4", "ip6", "dns", "dns4", "dns6")
"""How a TCP address may begin; names are looked up when it is dialled."""


def parse_address(text: str) -> Multiaddr:
    """A multiaddr, or ProtocolError that quotes it."""
    try:
        return Multiaddr(text)
    except Exception as error:
        raise ProtocolError(f"{text!r} is not a multiaddr: {error}") from error


def parse_peer_id(text: str) -> ID:
    """A base58 peer ID, or NetworkError that quotes it."""
    try:
        peer = ID.from_base58(text)
        if peer.extract_public_key() is None:
            raise ValueError("no Ed25519 key inside")
        return peer
    except Exception as error:
        raise NetworkError(f"{text[:80]!r} is not the peer ID of an Ed25519 key") from error


def split_address(text: str) -> tuple[ID, Multiaddr]:
    """The peer and where to dial it, of `/ip4/1.2.3.4/tcp/4001/p2p/<peer ID>`; ProtocolError otherwise."""
    address = parse_address(text)
    names = [protocol.name for protocol in address.protocols()]
    if names[-1] != "p2p" or names.count("p2p") != 1:
        raise ProtocolError(f"{text!r} does not end in one /p2p/<peer ID>")
    if len(names) != 3 or names[0] not in HOSTS or names[1] != "tcp":
        raise ProtocolError(f"{text!r} is not a TCP address: write /ip4/<address>/tcp/<port>/p2p/<peer ID>")
    value = address.value_for_protocol("p2p")
    try:
        peer = parse_peer_id(str(value))
    except NetworkError as error:
        raise ProtocolError(f"{text!r}: {error}") from error
    return peer, address.decapsulate(Multiaddr(f"/p2p/{value}"))
