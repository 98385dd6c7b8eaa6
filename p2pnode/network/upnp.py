"""A port on the router by UPnP IGD (miniupnpc), as long as the node runs.

Off unless configured: it multicasts on the local network and changes the router. A router that forgets the
mapping, or was restarted, gets it again every twenty minutes.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio
from libp2p.discovery.upnp.upnp import UpnpManager

log = structlog.get_logger("p2pnode.network")

RENEW_SECONDS = 1200.0
CLOSE_SECONDS = 5.0

Changed = Callable[[], Awaitable[object]]
"""Called when a port was mapped: it may be reachable now."""


async def keep_mapped(ports: Sequence[int], changed: Changed) -> None:
    """Map TCP `ports` to the same numbers on the router until cancelled, then unmap them."""
    manager = UpnpManager()
    mapped: set[int] = set()
    try:
        while True:
            found = await manager.discover()
            fresh = [port for port in ports if found and await manager.add_port_mapping(port)]
            if fresh and not mapped.issuperset(fresh):
                mapped.update(fresh)
                log.info("upnp.mapped", ports=fresh, address=manager.get_external_ip())
                await changed()
            elif not fresh:
                log.warning(
                    "upnp.failed",
                    reason="no router on the local network maps the port" if not found else "it refuses",
                    remedy="enable UPnP on the router, or forward the port there by hand",
                )
            await trio.sleep(RENEW_SECONDS)
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_SECONDS):
            for port in mapped:
                await manager.remove_port_mapping(port)
