"""Nodes on loopback, each with its own key and cache, and a hostile host that speaks bare libp2p."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from libp2p import new_host
from libp2p.abc import IHost
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.network import Network, NetworkSettings, create_key

LOOPBACK = "/ip4/127.0.0.1/tcp/0"

Settings = Callable[..., NetworkSettings]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """`settings(name, **changes)`: a node's settings under the test's own folder; one key for each name."""

    def make(name: str, **changes: Any) -> NetworkSettings:
        key = tmp_path / name / "node.key"
        if not key.exists():
            create_key(key)
        values: dict[str, Any] = {
            "listen": (LOOPBACK,),
            "redial_seconds": (0.05, 0.2),
            "exchange_seconds": 1.0,
            "seed": 7,
        }
        return NetworkSettings(key_path=key, cache_dir=tmp_path / name / "blobs", **{**values, **changes})

    return make


class Mallory:
    """A host without manners, connected to one victim."""

    def __init__(self, host: IHost, victim: ID) -> None:
        self.host = host
        self.victim = victim

    @property
    def peer_id(self) -> str:
        return self.host.get_id().to_base58()

    async def stream(self, protocol: str) -> Any:
        """A stream on an agreed protocol."""
        return await self.host.new_stream(self.victim, [cast(Any, protocol)])

    async def bare_stream(self) -> Any:
        """A stream on which no protocol has been agreed."""
        return await self.host.get_network().new_stream(self.victim)


@asynccontextmanager
async def mallory(
    victim: Network, handlers: Mapping[str, Callable[[Any], Awaitable[None]]] | None = None
) -> AsyncIterator[Mallory]:
    """A hostile host connected to `victim`; `handlers` serve its protocols."""
    host = new_host()
    for protocol, handler in (handlers or {}).items():
        host.set_stream_handler(cast(Any, protocol), handler)
    async with host.run(listen_addrs=[Multiaddr(LOOPBACK)]):
        try:
            info = info_from_p2p_addr(Multiaddr(victim.addresses[0]))
            await host.connect(info)
            await victim.wait_connected(host.get_id().to_base58())
            yield Mallory(host, info.peer_id)
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(5):
                await host.close()


def open_sockets() -> set[str]:
    """The sockets that this process holds, by inode."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def swarm_of(network: Network) -> Swarm:
    """The library's swarm under a network."""
    return cast(Swarm, network._host.get_network())


async def read_until_closed(stream: Any) -> bytes:
    """All that the other side sends before it closes or resets the stream."""
    data = b""
    while True:
        try:
            part = await stream.read(65536)
        except StreamError:
            return data
        if not part:
            return data
        data += part
