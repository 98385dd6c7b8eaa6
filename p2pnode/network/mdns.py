"""Peers on the local network by mDNS (libp2p mdns spec). Multicasts on every interface; off in tests.

Row 17: the library announces what it finds on a zeroconf thread, through a registry that the whole
process shares; here it hops into Trio and is unregistered at the end.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
import trio
from libp2p.abc import IHost
from libp2p.discovery.events.peerDiscovery import peerDiscovery
from libp2p.discovery.mdns.mdns import create_mdns_discovery
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo

log = structlog.get_logger("p2pnode.network")

PENDING = 64


async def discover(host: IHost, port: int, found: Callable[[ID], Awaitable[None]]) -> None:
    """Announce this node and call `found` for each peer seen, until cancelled.

    `found` reads the addresses from the peerstore, where the library has put them. `port` is the TCP port
    we listen on.
    """
    send, receive = trio.open_memory_channel[ID](PENDING)
    network = host.get_network()
    token = trio.lowlevel.current_trio_token()

    def deliver(peer: ID) -> None:
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            send.send_nowait(peer)

    def on_thread(info: PeerInfo) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(deliver, info.peer_id)

    peerDiscovery.register_peer_discovered_handler(on_thread)
    try:
        service = await trio.to_thread.run_sync(lambda: create_mdns_discovery(network, port, host=host))
        try:
            await trio.to_thread.run_sync(service.broadcaster.register)
            async for peer in receive:
                if peer != host.get_id():
                    await found(peer)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(service.stop)
    except OSError as error:
        log.warning("mdns.unavailable", error=str(error))
    finally:
        peerDiscovery.unregister_peer_discovered_handler(on_thread)
