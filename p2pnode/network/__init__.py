"""Peers, gossip, streams and blobs over libp2p: the only package that imports libp2p.

`open_network` gives a `Network` whose `bus`, `blobs` and `directory` are what `ports` asks for. What the
library does wrong and how it is worked around is listed, row by row, in docs/network.md.
"""

import logging

from p2pnode.network.bootstrap import parse_peer_list, read_peer_list
from p2pnode.network.bootstrap_peer import run_bootstrap
from p2pnode.network.host import open_network
from p2pnode.network.key import create_key, load_key, peer_id_of
from p2pnode.network.network import Network
from p2pnode.network.psk import create_psk
from p2pnode.network.relay_terms import RelayTerms
from p2pnode.network.settings import NetworkSettings

__all__ = [
    "Network",
    "NetworkSettings",
    "RelayTerms",
    "create_key",
    "create_psk",
    "load_key",
    "open_network",
    "parse_peer_list",
    "peer_id_of",
    "read_peer_list",
    "run_bootstrap",
]

# libp2p takes its handlers away and passes nothing on, upon which Python prints its warnings on stderr as
# bare text, between our JSON lines. With LIBP2P_DEBUG set it has handlers of its own.
logging.getLogger("libp2p").addHandler(logging.NullHandler())
