"""From a relayed connection to a direct one: DCUtR (libp2p specs, relay/DCUtR.md), TCP simultaneous open.

Whoever was dialled through a relay opens `/libp2p/dcutr` over that connection, both say where their routers
are seen, and both dial at the same time from the port that they listen on, so that each router takes the
other's packets for answers. It works where routers keep the port, as most at home do. The library's module is
not used: it dials twenty addresses that a peer names, and waits in a dial for the upgrade of an inbound
connection, which under `guard_swarm` (row 2) returns when the connection ends.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import structlog
import trio
from libp2p.abc import IHost, INetStream, IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from libp2p.utils import encode_varint_prefixed
from libp2p.utils.varint import read_varint_prefixed_bytes_limited

from p2pnode.errors import ProtocolError
from p2pnode.network.address import Multiaddr
from p2pnode.network.circuit_address import is_relayed
from p2pnode.network.connections import Connections
from p2pnode.network.guard import guarded, reset
from p2pnode.network.limits import RateLimit

log = structlog.get_logger("p2pnode.network")

PROTOCOL = TProtocol("/libp2p/dcutr")
IDENTIFY = TProtocol("/ipfs/id/1.0.0")
MAX_MESSAGE = 4096
MAX_IDENTIFY = 64 * 1024
MAX_ADDRESSES = 2
"""Of a peer, dialled at once: it could name those of others."""
ATTEMPTS = 3
READ_SECONDS = 15.0
DIAL_SECONDS = 5.0
KEEP_RELAYED_SECONDS = 10.0
"""What runs on the relayed connection may end there; new streams take the direct one at once."""
AT_ONCE = 8


class Punch:
    """Upgrades what comes in through relays, and answers peers that upgrade what this node dialled."""

    def __init__(self, host: IHost, connections: Connections, relay_of: Callable[[], list[ID]]) -> None:
        self._host = host
        self._swarm = cast(Swarm, host.get_network())
        self._connections = connections
        self._relay_of = relay_of
        # Each makes this node dial: three at once for a peer, then one a minute.
        self._rate = RateLimit(1 / 60, 3 * ATTEMPTS, trio.current_time)
        self._limit = trio.CapacityLimiter(AT_ONCE)
        self._nursery: trio.Nursery | None = None
        host.set_stream_handler(PROTOCOL, guarded(self._serve))

    async def run(self) -> None:
        """Upgrade each inbound relayed connection until cancelled."""
        async with trio.open_nursery() as self._nursery:
            async for peer in self._connections.relayed:
                self._nursery.start_soon(self._upgrade, peer)

    async def _upgrade(self, peer: ID) -> None:
        for _ in range(ATTEMPTS):
            if self._direct(peer):
                break
            try:
                async with self._limit:
                    await self._ask(peer)
            except Exception as error:
                log.debug("punch.failed", peer=peer.to_base58(), error=repr(error)[:200])
        direct = self._direct(peer)
        log.info("punch.done", peer=peer.to_base58(), direct=direct)
        if direct:
            await trio.sleep(KEEP_RELAYED_SECONDS)
            for connection in self._swarm.get_connections(peer):
                if self._direct(peer) and connection.get_connection_type() is ConnectionType.RELAYED:
                    await connection.close()

    async def _ask(self, peer: ID) -> None:
        """The side that was dialled: exchange addresses, and dial half a round trip after the word to go."""
        own = await self._own()
        stream = await self._host.new_stream(peer, [PROTOCOL])
        try:
            with trio.fail_after(READ_SECONDS):
                sent = trio.current_time()
                await _write(stream, HolePunch(type=HolePunch.CONNECT, ObsAddrs=own))
                theirs = await _read(stream, HolePunch.CONNECT)
                trip = trio.current_time() - sent
                await _write(stream, HolePunch(type=HolePunch.SYNC))
                await trio.sleep(trip / 2)
            await self._dial(peer, theirs, self._as_server)
        finally:
            await reset(stream)

    async def _serve(self, stream: INetStream) -> None:
        """The side that dialled through the relay: answer, and dial at the word to go."""
        peer = stream.muxed_conn.peer_id
        with trio.fail_after(READ_SECONDS):
            theirs = await _read(stream, HolePunch.CONNECT)
            if not is_relayed(stream) or not self._rate.take(peer):
                await reset(stream)
                return
            await _write(stream, HolePunch(type=HolePunch.CONNECT, ObsAddrs=await self._own()))
            await _read(stream, HolePunch.SYNC)
        await self._dial(peer, theirs, self._as_client)
        await stream.close()

    async def _dial(
        self, peer: ID, addresses: list[Multiaddr], upgrade: Callable[[IRawConnection, ID], Awaitable[None]]
    ) -> None:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                nursery.start_soon(self._dial_one, peer, address, upgrade)

    async def _dial_one(
        self, peer: ID, address: Multiaddr, upgrade: Callable[[IRawConnection, ID], Awaitable[None]]
    ) -> None:
        source = self._source(address)
        if source is None or not await self._swarm.connection_gate.is_allowed(address):
            return
        full = Multiaddr(f"{address}/p2p/{peer.to_base58()}")
        transport: Any = self._swarm.transport_manager.transport_for_dialing(full)
        with trio.move_on_after(DIAL_SECONDS):
            try:
                await upgrade(await transport.dial_with_source(full, source), peer)
            except Exception as error:
                log.debug("punch.dial_failed", address=str(address), error=repr(error)[:200])

    async def _as_client(self, raw: IRawConnection, peer: ID) -> None:
        await self._swarm.upgrade_outbound_raw_conn(raw, peer)

    async def _as_server(self, raw: IRawConnection, peer: ID) -> None:
        """Noise has one side that begins, which of two dialling sides is the client."""
        assert self._nursery is not None
        address = raw.get_transport_addresses()[0]
        # Lasts as long as the connection (`guard_swarm`).
        self._nursery.start_soon(partial(self._held, raw, address))
        while not self._direct(peer):  # noqa: ASYNC110
            await trio.sleep(0.02)

    async def _held(self, raw: IRawConnection, address: Multiaddr) -> None:
        try:
            await self._swarm.upgrade_inbound_raw_conn(raw, address)
        except Exception as error:
            log.debug("punch.closed", error=repr(error)[:200])
        finally:
            await raw.close()

    def _direct(self, peer: ID) -> bool:
        return "direct" in self._connections.ways(peer)

    async def _own(self) -> list[bytes]:
        """Where our router is seen, at the ports that we listen on: asked of a relay."""
        found: dict[bytes, None] = {}
        for relay in self._relay_of()[:1]:
            stream = await self._host.new_stream(relay, [IDENTIFY])
            try:
                with trio.fail_after(READ_SECONDS):
                    data = await read_varint_prefixed_bytes_limited(stream, MAX_IDENTIFY)
            finally:
                await reset(stream)
            seen = Multiaddr(bytes(Identify.FromString(data).observed_addr))
            family, ip = seen.protocols()[0].name, seen.value_for_protocol(seen.protocols()[0].name)
            for address in self._host.get_transport_addrs():
                if address.protocols()[0].name == family:
                    port = address.value_for_protocol("tcp")
                    found[Multiaddr(f"/{family}/{ip}/tcp/{port}").to_bytes()] = None
        return list(found)[:MAX_ADDRESSES]

    def _source(self, address: Multiaddr) -> tuple[str, int] | None:
        """Where we listen in the family of `address`."""
        family = address.protocols()[0].name
        for listener in self._swarm.listeners.values():
            for own in listener.get_addrs():
                if own.protocols()[0].name == family:
                    return str(own.value_for_protocol(family)), int(str(own.value_for_protocol("tcp")))
        return None


async def _write(stream: INetStream, message: HolePunch) -> None:
    await stream.write(encode_varint_prefixed(message.SerializeToString()))


async def _read(stream: INetStream, kind: Any) -> list[Multiaddr]:
    return addresses_of(
        HolePunch.FromString(await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE)), kind
    )


def addresses_of(message: HolePunch, kind: Any) -> list[Multiaddr]:
    """The TCP addresses of a message that is of `kind`; ProtocolError when it is another or malformed."""
    if message.type != kind:
        raise ProtocolError(f"DCUtR message {message.type} where {kind} is due")
    found = []
    for raw in message.ObsAddrs[:MAX_ADDRESSES]:
        try:
            address = Multiaddr(bytes(raw))
            names = [protocol.name for protocol in address.protocols()]
        except Exception as error:
            raise ProtocolError(f"DCUtR address is no multiaddr: {error}") from error
        if names[:2] in (["ip4", "tcp"], ["ip6", "tcp"]) and names[2:] in ([], ["p2p"]):
            found.append(Multiaddr("/" + "/".join(str(address).split("/")[1:5])))
    return found
