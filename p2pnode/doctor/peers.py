"""The way to other peers: the port, whether strangers can reach it, and the peers to join by."""

import ipaddress
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import trio

from p2pnode.config import Config
from p2pnode.control import ControlClient
from p2pnode.doctor.check import Check, fail, ok, warn

_DIAL_SECONDS: Final = 8
_JOIN_SECONDS: Final = 20


async def ports(config: Config) -> AsyncIterator[Check]:
    """Whether the node listens, or could."""
    client = ControlClient(config.control_socket)
    if await client.is_running():
        status = await client.status()
        peers = len(status["peers"])
        yield ok("node.running", f"on {', '.join(status['listen'])}")
        if peers or not config.network.bootstrap:
            yield ok("node.peers", f"{peers} connected")
        else:
            yield fail("node.peers", "none connected", status["joining"])
        if status["paused"]:
            yield fail("worker.paused", status["paused"], "find the cause first, then `p2pnode node resume`")
        return
    yield warn("node.running", "no", "`p2pnode run` starts it")
    for address in config.network.listen:
        _, family, host, _, port, *_ = [*address.split("/"), "", "", "", ""]
        try:
            with socket.socket(socket.AF_INET6 if family == "ip6" else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, int(port)))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a TCP address"
            yield fail(
                "network.listen", f"{address}: {reason}", "end what uses the port, or change network.listen"
            )
        else:
            yield ok("network.listen", f"{address} is free")


async def reachability(config: Config) -> AsyncIterator[Check]:
    """Whether strangers can dial this node. A worker needs it: requesters send awards to it.

    Peers that dialled back know best; until some did, what is announced says.
    """
    from p2pnode.network.bootstrap import read_sources
    from p2pnode.network.reachability import Verdict

    client = ControlClient(config.control_socket)
    addresses: Sequence[str] = config.network.announce
    if await client.is_running():
        status = await client.status()
        addresses = addresses or status["listen"]
        problem, _, remedy = str(status["reachability"]).partition("\n")
        if status["reachable"] == Verdict.REACHABLE.value:
            yield ok("network.reachable", problem)
            return
        if status["reachable"] == Verdict.UNREACHABLE.value:
            look = fail if config.worker.enabled and not status["relays"] else warn
            through = f"; others reach it through {len(status['relays'])} relays" if status["relays"] else ""
            yield look("network.reachable", problem + through, " ".join(remedy.split()))
            return
    public = [address for address in addresses or config.network.listen if _is_public(address)]
    joined_by = read_sources(config.network.bootstrap, built_in=config.network.builtin_bootstrap)
    known = [str(candidate.address) for candidate in joined_by.candidates]
    if not public and known and not joined_by.names and not any(map(_is_public, known)):
        yield ok("network.reachable", "a private network: the peers to join by have private addresses too")
        return
    if not public:
        look = fail if config.worker.enabled and config.network.bootstrap else warn
        remedy = "forward the port on the router and set network.announce to the public address"
        if not config.worker.enabled:
            remedy += "; a requester alone can do without"
        yield look("network.reachable", "no public address is announced", remedy)
        return
    for address in public:
        yield await _dial(address)


async def bootstrap(config: Config) -> AsyncIterator[Check]:
    """Joins by each bootstrap peer as a stranger would: with a new key and the full handshake."""
    from p2pnode.network import NetworkSettings, create_key, open_network
    from p2pnode.network.bootstrap import read_sources

    sources = read_sources(config.network.bootstrap, built_in=config.network.builtin_bootstrap)
    peers: dict[str, str] = {}
    for candidate in sources.candidates:
        peers.setdefault(candidate.peer.to_base58(), str(candidate.address))
    for name in sources.names:
        found = await _named(name)
        if isinstance(found, str):
            remedy = "check the name and this machine's DNS; its owner must publish dnsaddr records"
            yield fail("network.bootstrap", f"/dnsaddr/{name}: {found}", remedy)
        else:
            peers = {**found, **peers}
    if not peers:
        if sources.names:
            return
        remedy = "set network.bootstrap to the network's list of peers"
        if not config.network.mdns:
            yield fail("network.bootstrap", "no peer is named, and mdns is off", remedy)
        else:
            yield warn("network.bootstrap", "no peer is named; only the local network is searched", remedy)
        return
    with tempfile.TemporaryDirectory(prefix="p2pnode-doctor-") as folder:
        key = Path(folder) / "node.key"
        create_key(key)
        settings = NetworkSettings(
            key_path=key,
            cache_dir=Path(folder) / "cache",
            listen=("/ip4/127.0.0.1/tcp/0",),
            bootstrap=config.network.bootstrap,
            builtin_bootstrap=config.network.builtin_bootstrap,
            psk_path=config.network.psk_file,
            allow=config.network.allow,
            deny=config.network.deny,
        )
        reached: dict[str, float] = {}
        async with open_network(settings) as network:
            started = trio.current_time()

            async def join(peer: str) -> None:
                with trio.move_on_after(_JOIN_SECONDS):
                    await network.wait_connected(peer)
                    reached[peer] = trio.current_time() - started

            async with trio.open_nursery() as nursery:
                for peer in peers:
                    nursery.start_soon(join, peer)
    # One peer is enough to join by.
    look = warn if reached else fail
    for peer, address in peers.items():
        if peer in reached:
            yield ok("network.bootstrap", f"…{peer[-8:]} answered in {reached[peer]:.1f} s")
        else:
            yield look(
                "network.bootstrap",
                f"{address} did not answer within {_JOIN_SECONDS} s",
                "check the firewall for outgoing TCP, or take the network's newest list",
            )


async def _dial(address: str) -> Check:
    """A connection to our own public address, by way of the router: many can do that, none must."""
    _, _, host, _, port, *_ = [*address.split("/"), "", "", "", ""]
    try:
        with trio.fail_after(_DIAL_SECONDS):
            stream = await trio.open_tcp_stream(host, int(port))
        await stream.aclose()
    except (OSError, trio.TooSlowError):
        return warn(
            "network.reachable",
            f"{address} cannot be dialled from here",
            "start the node and try from another network; check the forwarded port and the firewall",
        )
    return ok("network.reachable", f"{address} answers")


async def _named(name: str) -> dict[str, str] | str:
    """Addresses by peer ID that DNS has for `/dnsaddr/<name>`, or why it has none."""
    from p2pnode.network.address import split_address
    from p2pnode.network.attempts import NameUnknown, NoRecord
    from p2pnode.network.dnsaddr import lookup_txt, resolve

    try:
        found = [split_address(text) for text in await resolve(name, lookup_txt)]
    except (NameUnknown, NoRecord) as error:
        return str(error)
    return {peer.to_base58(): str(address) for peer, address in found}


def _is_public(address: str) -> bool:
    parts = [*address.split("/"), "", ""]
    if parts[1].startswith("dns"):
        return True
    try:
        return ipaddress.ip_address(parts[2]).is_global
    except ValueError:
        return False
