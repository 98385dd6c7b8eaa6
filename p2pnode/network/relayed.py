"""A node that others cannot dial keeps places at relays and tells peers of them.

Relays are found among the connected peers, those that it joins by first. Where the AutoNAT verdict is
"unreachable" the node holds places at two of them; else at none.
"""

import time
from collections.abc import Callable

import structlog
import trio
from libp2p.abc import IHost
from libp2p.identity.identify_push.identify_push import push_identify_to_peers
from libp2p.peer.id import ID

from p2pnode.network.circuit_address import Via
from p2pnode.network.circuits import Circuits
from p2pnode.network.connections import Connections
from p2pnode.network.records import dialable
from p2pnode.network.relay_wire import HOP

log = structlog.get_logger("p2pnode.network")

WANTED = 2
CHECK_SECONDS = 5.0
RETRY_SECONDS = 60.0
MAX_HELD_SECONDS = 3600.0
"""A relay's word for how long a place lasts is believed up to this."""
PUSH_SECONDS = 10.0


class Relayed:
    """Owns the places; `vias` is what to tell peers. `needed` says whether this node needs relays."""

    def __init__(
        self,
        host: IHost,
        connections: Connections,
        needed: Callable[[], bool],
        preferred: Callable[[ID], bool],
    ) -> None:
        self._host = host
        self._connections = connections
        self.needed = needed
        self._preferred = preferred
        self._places: dict[ID, tuple[Via, float]] = {}
        self._failed: dict[ID, float] = {}
        self._changed = trio.Event()
        self.circuits = Circuits(host, self.holds)

    def holds(self, relay: ID) -> bool:
        """Whether this node has a place at `relay`."""
        return relay in self._places

    def vias(self) -> list[Via]:
        """The relays that lead here now."""
        return [via for via, _ in self._places.values() if self._connections.connected(via.relay)]

    def relays(self) -> list[ID]:
        """Connected peers that relay, those to ask first in front."""
        found = [peer for peer in self._connections.peers() if self._relays(peer)]
        return sorted(found, key=lambda peer: not self._preferred(peer))

    def changed(self) -> None:
        """Look now: the verdict may be another."""
        self._changed.set()

    async def run(self) -> None:
        """Keep the places until cancelled."""
        while True:
            before = set(self._places)
            await self._keep()
            if set(self._places) != before:
                log.info("network.relays", relays=[relay.to_base58() for relay in self._places])
                with trio.move_on_after(PUSH_SECONDS):
                    # Peers keep what they were told when they connected; so they are told again.
                    await push_identify_to_peers(self._host, set(self._connections.peers()))
            with trio.move_on_after(CHECK_SECONDS):
                await self._changed.wait()
            self._changed = trio.Event()

    async def _keep(self) -> None:
        now = trio.current_time()
        for relay in [relay for relay in self._places if not self._connections.connected(relay)]:
            del self._places[relay]
        if not self.needed():
            self._places.clear()
            return
        self._failed = {relay: at for relay, at in self._failed.items() if now - at < RETRY_SECONDS}
        due = [relay for relay, (_, renew) in self._places.items() if renew <= now]
        fresh = [relay for relay in self.relays() if relay not in self._places and relay not in self._failed]
        for relay in [*due, *fresh]:
            if relay in self._places or len(self._places) < WANTED:
                await self._reserve(relay)

    async def _reserve(self, relay: ID) -> None:
        address = next(iter(dialable(self._host, relay)), None)
        try:
            if address is None:
                raise ValueError("its address is not known")
            left = await self.circuits.reserve(relay) - time.time()
        except Exception as error:
            log.info("relay.refused", relay=relay.to_base58(), error=str(error) or repr(error))
            self._failed[relay] = trio.current_time()
            self._places.pop(relay, None)
            return
        held = min(max(left, 2 * CHECK_SECONDS), MAX_HELD_SECONDS)
        self._places[relay] = (Via(relay, address), trio.current_time() + held / 2)

    def _relays(self, peer: ID) -> bool:
        try:
            return HOP in self._host.get_peerstore().get_protocols(peer)
        except Exception:
            # The library raises for a peer that it has not identified yet.
            return False
