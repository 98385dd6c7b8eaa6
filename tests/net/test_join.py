"""Joining by every kind of list, rejoining after outages, and words when nobody answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trio

from p2pnode.network import Network, NetworkSettings, create_key, open_network
from p2pnode.network.dnsaddr import Lookup, txt_by
from p2pnode.network.known_peers import NAME
from p2pnode.ports import Topic
from tests.net.conftest import Settings


def listen_of(node: Network) -> tuple[str, ...]:
    """The address that `node` has now, to listen on again."""
    return tuple(address.partition("/p2p/")[0] for address in node.addresses)


def known_to(node: Network) -> list[str]:
    """Peers that `node` will remember after a restart."""
    return [peer.to_base58() for peer, _ in node._join._known.all()]


async def wait_for_words(node: Network, *words: str) -> None:
    while not all(word in node.joining() for word in words):  # noqa: ASYNC110
        await trio.sleep(0.01)


async def test_nodes_rejoin_each_other_when_every_bootstrap_peer_is_gone(
    settings: Settings, tmp_path: Path
) -> None:
    states = {name: {"state_dir": tmp_path / name / "state"} for name in ("alice", "bob")}
    with trio.fail_after(30):
        async with open_network(settings("boot")) as boot:
            gone = boot.addresses
            async with (
                open_network(settings("alice", bootstrap=gone, **states["alice"])) as alice,
                open_network(settings("bob", bootstrap=gone, **states["bob"])) as bob,
            ):
                await alice.wait_connected(bob.peer_id)
                await alice.wait_connected(boot.peer_id)
                listens = {"alice": listen_of(alice), "bob": listen_of(bob)}
                for one, other in ((alice, bob), (bob, alice)):
                    while other.peer_id not in known_to(one):  # noqa: ASYNC110
                        await trio.sleep(0.01)
        assert bob.peer_id in (tmp_path / "alice" / "state" / NAME).read_text()
        again = {name: {"bootstrap": gone, "listen": listens[name], **states[name]} for name in states}
        async with (
            open_network(settings("alice", **again["alice"])) as alice,
            open_network(settings("bob", **again["bob"])) as bob,
            bob.subscribe(Topic.OFFERS) as inbox,
        ):
            await alice.wait_connected(bob.peer_id)
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
            await alice.publish(Topic.OFFERS, b"without a bootstrap peer")
            assert (await anext(inbox)).data == b"without a bootstrap peer"


async def hold(
    settings: NetworkSettings,
    stop: trio.Event,
    task_status: Any = trio.TASK_STATUS_IGNORED,
) -> None:
    """A network that is open until `stop`, in a task of its own."""
    async with open_network(settings) as network:
        task_status.started(network)
        await stop.wait()


async def test_node_rejoins_after_an_outage_of_everything(settings: Settings) -> None:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            stop, end = trio.Event(), trio.Event()
            others = [await nursery.start(hold, settings(name), stop) for name in "abc"]
            listens = [listen_of(other) for other in others]
            bootstrap = tuple(address for other in others for address in other.addresses)
            alice = await nursery.start(hold, settings("alice", bootstrap=bootstrap), end)
            for other in others:
                await alice.wait_connected(other.peer_id)
            stop.set()
            for other in others:
                await alice.wait_disconnected(other.peer_id)
            await wait_for_words(alice, "connection refused")
            for name, listen in zip("abc", listens, strict=True):
                await nursery.start(hold, settings(name, listen=listen), end)
            for other in others:
                await alice.wait_connected(other.peer_id)
                await alice.wait_for_mesh(other.peer_id, Topic.OFFERS)
            end.set()


@asynccontextmanager
async def dns_server(zone: dict[str, list[str]]) -> AsyncIterator[Lookup]:
    """A name server on loopback that knows the TXT records of `zone`, and a lookup that asks it."""
    sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))

    async def answer() -> None:
        while True:
            data, sender = await sock.recvfrom(4096)
            query = dns.message.from_wire(data)
            (question,) = query.question
            name = question.name.to_text(omit_final_dot=True)
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            if name in zone:
                texts = [" ".join(f'"{t[i : i + 255]}"' for i in range(0, len(t), 255)) for t in zone[name]]
                response.answer.append(dns.rrset.from_text_list(question.name, 1, "IN", "TXT", texts))
            else:
                response.set_rcode(dns.rcode.NXDOMAIN)
            await sock.sendto(response.to_wire(), sender)

    def make() -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = sock.getsockname()[1]
        return resolver

    async def lookup(name: str) -> list[str]:
        return await txt_by(make, name)

    with sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            yield lookup
            nursery.cancel_scope.cancel()


async def test_bootstrap_peer_comes_from_dns_once_it_is_published(settings: Settings) -> None:
    zone: dict[str, list[str]] = {}
    with trio.fail_after(20):
        async with dns_server(zone) as lookup, open_network(settings("boot")) as boot:
            by_name = {"bootstrap": ("/dnsaddr/net.example",), "lookup_txt": lookup}
            async with open_network(settings("alice", **by_name)) as alice:
                while "could not be looked up" not in alice.joining():  # noqa: ASYNC110
                    await trio.sleep(0.01)
                zone["_dnsaddr.net.example"] = ["nothing of ours"]
                while "has no dnsaddr record" not in alice.joining():  # noqa: ASYNC110
                    await trio.sleep(0.01)
                # Longer than one string of a TXT record, which holds 255 bytes.
                padded = "dnsaddr=" + boot.addresses[0] + " " * 300
                zone["_dnsaddr.net.example"] = [padded]
                await alice.wait_connected(boot.peer_id)
                assert alice.joining() == "connected to 1 peers"


async def test_nobody_answers_says_which_how_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    stranger = create_key(tmp_path / "stranger")
    with trio.fail_after(20):
        async with open_network(settings("boot")) as boot, open_network(settings("gone")) as gone:
            posing = f"{listen_of(boot)[0]}/p2p/{stranger}"
            dead = gone.addresses[0]
            filtered = f"/ip4/192.0.2.9/tcp/4001/p2p/{stranger}"
            (tmp_path / "my.peers").write_text(f"{posing}\n{filtered}\n")
            await gone._host.close()
            lists = (dead, str(tmp_path / "my.peers"))
            async with open_network(settings("alice", bootstrap=lists, deny=("192.0.2.0/24",))) as node:
                await wait_for_words(node, "connection refused", "another key answers", "network.deny")
                words = node.joining()
    assert words.startswith("no peer answers; tried 3:")
    assert f"{dead} (network.bootstrap)" in words
    assert f"{posing} (my.peers)" in words
    for remedy in ("get a fresh list", "get the list from its publisher", "remove the peer from the list"):
        assert remedy in words.partition("what to do:")[2]


async def test_node_that_knows_nobody_says_what_to_set(settings: Settings) -> None:
    async with open_network(settings("alone")) as alone:
        assert "set network.bootstrap" in alone.joining()


async def test_many_dead_addresses_do_not_hold_up_the_living_one(settings: Settings, tmp_path: Path) -> None:
    """Dials run side by side: eight that never answer would take eight dial timeouts one after the other."""

    async def mute(stream: Any) -> None:
        await trio.sleep_forever()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery, open_network(settings("boot")) as boot:
            serve = partial(trio.serve_tcp, mute, 0, host="127.0.0.1")
            (listener,) = await nursery.start(serve)
            port = listener.socket.getsockname()[1]
            silent = [f"/ip4/127.0.0.1/tcp/{port}/p2p/{create_key(tmp_path / f'k{n}')}" for n in range(7)]
            bootstrap = (*silent, *boot.addresses)
            async with open_network(settings("alice", bootstrap=bootstrap, dial_seconds=15.0)) as alice:
                with trio.fail_after(5):
                    await alice.wait_connected(boot.peer_id)
            nursery.cancel_scope.cancel()
