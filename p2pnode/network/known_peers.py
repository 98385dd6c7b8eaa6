"""Peers met before, on disk: how a node rejoins when every bootstrap peer is gone.

`known_peers.json` in the state folder: `{"version": 1, "peers": [{"address": "/ip4/.../p2p/...", "seen":
<seconds since the epoch>}]}`, newest first, at most 256. An address here is a hint and proves nothing:
whoever answers must have the key of the peer ID. A file that cannot be read is started over.
"""

from collections.abc import Callable
from pathlib import Path

import structlog
from libp2p.peer.id import ID

from p2pnode.errors import ProtocolError
from p2pnode.network.address import Multiaddr, split_address
from p2pnode.network.state_file import read_state, write_state

log = structlog.get_logger("p2pnode.network")

NAME = "known_peers.json"
MAX_PEERS = 256
FORGET_SECONDS = 30 * 86400

WallClock = Callable[[], float]
"""Seconds since the epoch."""


class KnownPeers:
    """What is in the file, and what has been met since. `folder` None keeps it in memory."""

    def __init__(self, folder: Path | None, now: WallClock) -> None:
        self._path = folder / NAME if folder is not None else None
        self._now = now
        self._seen: dict[ID, tuple[Multiaddr, float]] = {}
        self._written: dict[ID, tuple[Multiaddr, float]] = {}
        for entry in read_state(self._path, "peers") if self._path is not None else []:
            self._load(entry)
        self._written = dict(self._seen)

    def _load(self, entry: object) -> None:
        if not isinstance(entry, dict) or not isinstance(entry.get("seen"), int | float):
            return
        try:
            peer, address = split_address(str(entry.get("address")))
        except ProtocolError:
            return
        # A clock that was wrong once must not keep a peer for ever.
        seen = min(float(entry["seen"]), self._now())
        if self._now() - seen < FORGET_SECONDS and len(self._seen) < MAX_PEERS:
            self._seen[peer] = (address, seen)

    def met(self, peer: ID, address: Multiaddr) -> None:
        """`peer` is connected now and can be dialled at `address`."""
        self._seen[peer] = (address, self._now())
        if len(self._seen) > MAX_PEERS:
            del self._seen[min(self._seen, key=lambda other: self._seen[other][1])]

    def forget(self, peer: ID) -> None:
        """Do not dial it again: it misbehaved."""
        self._seen.pop(peer, None)

    def all(self) -> list[tuple[ID, Multiaddr]]:
        """Everyone, last seen first."""
        newest = sorted(self._seen.items(), key=lambda item: -item[1][1])
        return [(peer, address) for peer, (address, _) in newest]

    def save(self) -> None:
        """Write the file if something changed. Blocks."""
        if self._path is None or self._seen == self._written:
            return
        seen = dict(self._seen)
        entries = [
            {"address": f"{address}/p2p/{peer.to_base58()}", "seen": round(at)}
            for peer, (address, at) in sorted(seen.items(), key=lambda item: -item[1][1])
        ]
        if write_state(self._path, "peers", entries):
            self._written = seen
