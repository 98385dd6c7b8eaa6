"""Whether others can dial a node, as they see it, from behind a stand-in for a NAT.

The NAT is a process-local TCP proxy between loopback addresses: the node sits at 127.0.0.2, and whoever it
dials through the proxy sees it come from 127.0.0.9, where nothing listens unless a port is forwarded.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import cbor2
import pytest
import trio
from libp2p.host.autonat.pb.autonat_pb2 import Message
from libp2p.peer.id import ID
from libp2p.utils import encode_varint_prefixed, read_varint_prefixed_bytes

from p2pnode.errors import RemoteError
from p2pnode.network import Network, create_key, open_network
from p2pnode.network.reachability import PROTOCOL, Reachability, Verdict, judge, seen_at
from p2pnode.network.records import own_record
from p2pnode.network.reversal import PROTOCOL as REVERSE
from p2pnode.ports import StreamProtocol
from tests.net import namespace
from tests.net.conftest import Settings, mallory
from tests.net.test_join import listen_of

INSIDE, OUTSIDE = "127.0.0.2", "127.0.0.9"


@asynccontextmanager
async def proxy(listen: str, port: int, target: tuple[str, int], source: str) -> AsyncIterator[int]:
    """Pass TCP connections to `listen` on to `target`, which sees them come from `source`; the port."""

    async def pump(come: trio.abc.ReceiveStream, go: trio.abc.SendStream) -> None:
        try:
            async for data in come:
                await go.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        await go.aclose()

    async def handle(inside: trio.SocketStream) -> None:
        sock = trio.socket.socket()
        await sock.bind((source, 0))
        await sock.connect(target)
        outside = trio.SocketStream(sock)
        async with inside, outside, trio.open_nursery() as nursery:
            nursery.start_soon(pump, inside, outside)
            nursery.start_soon(pump, outside, inside)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(port, host=listen)
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def port_of(node: Network) -> int:
    return int(node.addresses[0].split("/")[4])


async def test_node_on_a_public_address_is_reachable(settings: Settings) -> None:
    async with (
        open_network(settings("boot")) as boot,
        open_network(settings("alice", bootstrap=boot.addresses)) as alice,
    ):
        with trio.fail_after(20):
            await alice.wait_connected(boot.peer_id)
            assert "no peer could be asked yet" in alice.reachability.words()
            found = await alice.check_reachability()
            assert found.verdict is Verdict.REACHABLE
            assert listen_of(alice)[0] in found.words()
            # The dial back leaves the connection and the mesh as they were.
            assert alice.peers() == [boot.peer_id]


async def test_node_behind_a_nat_is_told_how_to_be_reached(settings: Settings) -> None:
    with trio.fail_after(30):
        async with (
            open_network(settings("one")) as one,
            open_network(settings("two")) as two,
            proxy(INSIDE, 0, ("127.0.0.1", port_of(one)), OUTSIDE) as first,
            proxy(INSIDE, 0, ("127.0.0.1", port_of(two)), OUTSIDE) as second,
        ):
            bootstrap = [
                f"/ip4/{INSIDE}/tcp/{port}/p2p/{node.peer_id}" for port, node in ((first, one), (second, two))
            ]
            home = settings(
                "home", listen=(f"/ip4/{INSIDE}/tcp/0",), bootstrap=tuple(bootstrap), target_peers=2
            )
            async with open_network(home) as node:
                for other in (one, two):
                    await node.wait_connected(other.peer_id)
                found = await node.check_reachability()
                assert found.verdict is Verdict.UNREACHABLE
                assert (found.yes, found.no) == (0, 2)
                port = port_of(node)
                assert f"/ip4/{OUTSIDE}/tcp/{port}: nothing listens there" in found.words()
                assert f"forward TCP port {port} on the router" in found.words()
                assert OUTSIDE not in str(node.addresses)
                # The router's owner does as told.
                async with proxy(OUTSIDE, port, (INSIDE, port), OUTSIDE):
                    found = await node.check_reachability()
                    assert found.verdict is Verdict.REACHABLE
                    assert found.addresses == (f"/ip4/{OUTSIDE}/tcp/{port}",)
                    assert any(OUTSIDE in address for address in node.addresses)


async def test_node_behind_a_nat_is_reached_by_having_it_dial(settings: Settings) -> None:
    async def echo(peer: str, request: bytes) -> bytes:
        return request

    with trio.fail_after(30):
        async with (
            open_network(settings("boot")) as boot,
            proxy(INSIDE, 0, ("127.0.0.1", port_of(boot)), OUTSIDE) as port,
            # Nobody outside has a way to 127.0.0.2.
            open_network(
                settings("alice", bootstrap=boot.addresses, target_peers=1, deny=(INSIDE,))
            ) as alice,
            open_network(
                settings(
                    "home",
                    listen=(f"/ip4/{INSIDE}/tcp/0",),
                    bootstrap=(f"/ip4/{INSIDE}/tcp/{port}/p2p/{boot.peer_id}",),
                    target_peers=1,
                    exchange_seconds=60.0,
                )
            ) as home,
        ):
            home.serve(StreamProtocol.TASK, echo, max_request=100)
            await home.wait_connected(boot.peer_id)
            await alice.wait_connected(boot.peer_id)
            assert home.peers() == [boot.peer_id]
            answer = await alice.request(
                home.peer_id, StreamProtocol.TASK, b"through the NAT", timeout=20, max_response=100
            )
            assert answer == b"through the NAT"


async def test_reversal_is_asked_for_oneself_only(settings: Settings, tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with (
            open_network(settings("boot")) as boot,
            open_network(settings("bob", bootstrap=boot.addresses)) as bob,
            open_network(settings("eve", bootstrap=boot.addresses)) as eve,
        ):
            await boot.wait_connected(bob.peer_id)
            await boot.wait_connected(eve.peer_id)
            wanted = ID.from_base58(bob.peer_id).to_bytes()

            async def ask(request: bytes) -> None:
                await eve._streams.request(boot.peer_id, REVERSE, request, timeout=5, max_response=0)

            with pytest.raises(RemoteError, match="ask for yourself"):
                await ask(cbor2.dumps([wanted, own_record(boot._host)]))
            with pytest.raises(RemoteError, match="not a signed peer record"):
                await ask(cbor2.dumps([wanted, b"junk"]))
            for bad in (b"", b"\xff", cbor2.dumps([1, 2]), cbor2.dumps([b"", b""])):
                with pytest.raises(RemoteError, match="a reversal"):
                    await ask(bad)
            stranger = ID.from_base58(create_key(tmp_path / "stranger")).to_bytes()
            with pytest.raises(RemoteError, match="not connected here"):
                await ask(cbor2.dumps([stranger, own_record(eve._host)]))


async def test_nobody_is_made_to_dial_a_third_party(settings: Settings) -> None:
    with trio.fail_after(20):
        async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
            with socket.socket() as bait:
                bait.bind(("127.0.0.5", 0))
                bait.listen()
                bait.settimeout(0.2)

                async def ask(peer: bytes, address: bytes) -> Message.DialResponse:
                    request = Message(type=Message.DIAL)
                    request.dial.peer.id = peer
                    request.dial.peer.addrs.append(address)
                    stream = await attacker.stream(PROTOCOL)
                    await stream.write(encode_varint_prefixed(request.SerializeToString()))
                    return Message.FromString(await read_varint_prefixed_bytes(stream)).dialResponse

                port = bait.getsockname()[1]
                third = trio.socket.inet_aton("127.0.0.5")
                address = b"\x04" + third + b"\x06" + port.to_bytes(2, "big")
                me = attacker.host.get_id().to_bytes()
                answer = await ask(me, address)
                assert answer.status == Message.E_DIAL_ERROR
                assert "/ip4/127.0.0.1/tcp" in answer.statusText
                with pytest.raises(TimeoutError):
                    await trio.to_thread.run_sync(bait.accept)
                assert (await ask(b"another", address)).status == Message.E_BAD_REQUEST
                assert (await ask(me, b"\xff\xff")).status == Message.E_DIAL_REFUSED
                statuses = [(await ask(me, address)).status for _ in range(6)]
                assert Message.E_DIAL_REFUSED in statuses


def test_the_majority_decides_and_silence_is_no_verdict() -> None:
    assert judge([], (4001,)).verdict is Verdict.UNKNOWN
    assert judge([(True, "a"), (True, "a"), (False, "x")], (4001,)) == Reachability(
        Verdict.REACHABLE, 2, 1, ("a",), ("x",), (4001,)
    )
    assert judge([(True, "a"), (False, "x")], (4001,)).verdict is Verdict.UNREACHABLE


def test_only_ports_are_taken_from_what_a_peer_names() -> None:
    named = [
        b"\x04\x0a\x00\x00\x01\x06\x0f\xa1",
        b"\x04\x08\x08\x08\x08\x06\x0f\xa2",
        b"junk",
        b"\x04\x08\x08\x08\x08\x06\x0f\xa3",
    ]
    assert list(map(str, seen_at("203.0.113.7", named))) == [
        "/ip4/203.0.113.7/tcp/4001",
        "/ip4/203.0.113.7/tcp/4002",
    ]
    assert list(map(str, seen_at("2001:db8::1%eth0", named[:1]))) == ["/ip6/2001:db8::1/tcp/4001"]


MDNS = """
import sys, pathlib, trio
from p2pnode.network import NetworkSettings, create_key, open_network
folder = pathlib.Path(sys.argv[1])

def settings(name):
    create_key(folder / name / "key")
    return NetworkSettings(
        key_path=folder / name / "key", cache_dir=folder / name / "blobs", listen=(sys.argv[2],), mdns=True
    )

async def main():
    async with open_network(settings("one")) as one, open_network(settings("two")) as two:
        with trio.fail_after(40):
            await one.wait_connected(two.peer_id)
    print("found")

trio.run(main)
"""


@pytest.mark.deep
def test_mdns_finds_a_peer_on_the_local_network(tmp_path: Path) -> None:
    assert namespace.run(MDNS, tmp_path, f"/ip4/{namespace.ADDRESS}/tcp/0").splitlines()[-1:] == ["found"]


UPNP = """
import sys, trio
from p2pnode.network.upnp import keep_mapped
from tests.net.router import Router

async def main():
    async with Router(sys.argv[1]) as router:
        mapped = trio.Event()

        async def changed():
            mapped.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_mapped, [4001], changed)
            with trio.fail_after(30):
                await mapped.wait()
            print(router.mappings)
            nursery.cancel_scope.cancel()
        print(router.mappings)

trio.run(main)
"""


@pytest.mark.deep
def test_upnp_maps_the_port_and_takes_it_back() -> None:
    lines = namespace.run(UPNP, namespace.ADDRESS).splitlines()
    assert lines[-2:] == [str({4001: (namespace.ADDRESS, 4001)}), "{}"]
