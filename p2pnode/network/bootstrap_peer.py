"""The bootstrap peer: gossip relay, peer exchange and DHT server under a fixed identity."""

from collections.abc import Callable

import trio

from p2pnode.network.host import open_network
from p2pnode.network.network import Network
from p2pnode.network.settings import NetworkSettings


async def run_bootstrap(settings: NetworkSettings, on_ready: Callable[[Network], None]) -> None:
    """Be a bootstrap peer until cancelled; `on_ready` is called once it listens.

    The identity is the key in `settings.key_path`, so that lists which name it stay right after a restart.
    Every node relays gossip and answers peer exchange and the DHT; this one does nothing else.
    """
    async with open_network(settings) as network:
        on_ready(network)
        await trio.sleep_forever()
