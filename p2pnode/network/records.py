"""Signed peer records: where a peer says it can be reached, and the proof that it said so.

libp2p RFC 0002 (signed envelopes) and RFC 0003 (routing records). A record is passed on as the bytes its
peer signed, so whoever relays it cannot point it elsewhere.
"""

from libp2p.abc import IHost
from libp2p.peer.envelope import Envelope, consume_envelope
from libp2p.peer.id import ID
from libp2p.peer.peerstore import env_to_send_in_RPC

from p2pnode.errors import ProtocolError
from p2pnode.network.address import Multiaddr

MAX_RECORD = 2048
MAX_ADDRESSES = 8
RECORD_SECONDS = 7200
DOMAIN = "libp2p-peer-record"


def own_record(host: IHost) -> bytes:
    """Our own record for the addresses we listen on now."""
    return env_to_send_in_RPC(host)[0]


def known_record(host: IHost, peer: ID) -> bytes | None:
    """The record that `peer` signed, when identify or another peer has brought it."""
    envelope = host.get_peerstore().get_peer_record(peer)
    return envelope.marshal_envelope() if isinstance(envelope, Envelope) else None


def accept_record(host: IHost, data: bytes) -> ID:
    """Check a record and keep its addresses; ProtocolError when it is not one that its peer signed."""
    if len(data) > MAX_RECORD:
        raise ProtocolError(f"a peer record of {len(data)} bytes is over {MAX_RECORD}")
    try:
        envelope, record = consume_envelope(data, DOMAIN)
        signer, peer, addresses = ID.from_pubkey(envelope.public_key), record.peer_id, record.addrs
    except Exception as error:
        raise ProtocolError(f"not a signed peer record: {error}") from error
    if signer != peer:
        raise ProtocolError(f"peer record of {peer.to_base58()} is signed by {signer.to_base58()}")
    if len(addresses) > MAX_ADDRESSES:
        raise ProtocolError(f"a peer record with {len(addresses)} addresses is over {MAX_ADDRESSES}")
    host.get_peerstore().consume_peer_record(envelope, RECORD_SECONDS)
    return peer


def known_addresses(host: IHost, peer: ID) -> list[Multiaddr]:
    """What addresses of `peer` the host keeps; none of them is checked."""
    try:
        return list(host.get_peerstore().addrs(peer))
    except Exception:
        # The library raises for a peer it never heard of and for one whose addresses have expired.
        return []


def dialable(host: IHost, peer: ID) -> list[Multiaddr]:
    """TCP addresses of `peer` that we know, without the peer ID, each once."""
    found: dict[str, Multiaddr] = {}
    for address in known_addresses(host, peer):
        names = [protocol.name for protocol in address.protocols()]
        if names[-1] == "p2p":
            names.pop()
            address = address.decapsulate_code(0x01A5)
        if len(names) == 2 and names[1] == "tcp":
            found[str(address)] = address
    return list(found.values())[:MAX_ADDRESSES]
