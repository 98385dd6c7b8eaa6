"""The way to other peers: the port, whether strangers can reach it, and the peers to join by."""

import ipaddress
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import trio

from p2pnode.config import Config
from p2pnode.control import ControlClient
from p2pnode.doctor.check import Check, fail, ok, warn

_DIAL_SECONDS: Final = 8
_JOIN_SECONDS: Final = 20
_LOOK_SECONDS: Final = 0.1


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
            yield fail(
                "node.peers", "none connected", "see network.bootstrap below; is a firewall in the way?"
            )
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
            look = fail if config.worker.enabled else warn
            yield look("network.reachable", problem, " ".join(remedy.split()))
            return
    public = [address for address in addresses or config.network.listen if _is_public(address)]
    joined_by = config.network.bootstrap
    if (
        not public
        and joined_by
        and not any(map(_is_public, await trio.to_thread.run_sync(_listed, joined_by)))
    ):
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
    peers = {candidate.peer.to_base58(): str(candidate.address) for candidate in sources.candidates}
    if not (peers or sources.names):
        remedy = "set network.bootstrap to the network's list of peers"
        if not config.network.mdns:
            yield fail("network.bootstrap", "no peer is named, and mdns is off", remedy)
        else:
            yield warn("network.bootstrap", "no peer is named; only the local network is searched", remedy)
        return
    reached: dict[str, float] = {}
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
        )
        async with open_network(settings) as network:
            started = trio.current_time()

            async def join(peer: str) -> None:
                with trio.move_on_after(_JOIN_SECONDS):
                    await network.wait_connected(peer)
                    reached[peer] = trio.current_time() - started

            async def join_anyone() -> None:
                with trio.move_on_after(_JOIN_SECONDS):
                    # Whoever it is: there is no telling beforehand whom a name stands for.
                    while not network.peers():  # noqa: ASYNC110
                        await trio.sleep(_LOOK_SECONDS)

            async with trio.open_nursery() as nursery:
                for peer in peers:
                    nursery.start_soon(join, peer)
                if sources.names:
                    nursery.start_soon(join_anyone)
            joined, words = list(network.peers()), network.joining()
    for check in _joined(peers, reached, sources.names, joined, words):
        yield check


def _joined(
    peers: Mapping[str, str],
    reached: Mapping[str, float],
    names: Sequence[str],
    joined: Sequence[str],
    words: str,
) -> Iterator[Check]:
    """What became of the attempts; one peer is enough to join by."""
    look = warn if joined else fail
    for peer, address in peers.items():
        if peer in reached:
            yield ok("network.bootstrap", f"…{peer[-8:]} answered in {reached[peer]:.1f} s")
        else:
            yield look(
                "network.bootstrap",
                f"{address} did not answer within {_JOIN_SECONDS} s",
                "check the firewall for outgoing TCP, or take the network's newest list",
            )
    for name in names:
        if joined:
            yield ok("network.bootstrap", f"{len(joined)} peers joined, {name} among the ways to them")
        else:
            yield fail("network.bootstrap", f"nobody of {name} answered", words)


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


def _listed(entries: Sequence[str]) -> list[str]:
    from p2pnode.network.bootstrap import read_sources

    sources = read_sources(entries)
    # A name in the DNS is a public network's.
    return [str(candidate.address) for candidate in sources.candidates] + [f"/dns/{x}" for x in sources.names]


def _is_public(address: str) -> bool:
    parts = [*address.split("/"), "", ""]
    if parts[1].startswith("dns"):
        return True
    try:
        return ipaddress.ip_address(parts[2]).is_global
    except ValueError:
        return False
