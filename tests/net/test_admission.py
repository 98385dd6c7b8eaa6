"""Who is kept out, on real connections: filters, limits, private networks, and peers that were refused."""

from pathlib import Path

import pytest
import trio

from p2pnode.errors import NetworkError, RemoteError
from p2pnode.network import open_network
from p2pnode.network.psk import create_psk
from p2pnode.network.reputation import Offence
from p2pnode.ports import StreamProtocol, Topic
from tests.net.conftest import Settings, swarm_of
from tests.net.test_join import listen_of, wait_for_words

TASK = StreamProtocol.TASK


async def test_private_network_talks_and_keeps_others_out(settings: Settings, tmp_path: Path) -> None:
    create_psk(tmp_path / "swarm.key")
    create_psk(tmp_path / "other.key")
    private = {"psk_path": tmp_path / "swarm.key", "dial_seconds": 2.0}
    with trio.fail_after(30):
        async with (
            open_network(settings("boot", **private)) as boot,
            open_network(settings("alice", bootstrap=boot.addresses, **private)) as alice,
            alice.subscribe(Topic.OFFERS) as inbox,
        ):
            await boot.wait_for_mesh(alice.peer_id, Topic.OFFERS)
            await boot.publish(Topic.OFFERS, b"among us")
            assert (await anext(inbox)).data == b"among us"
            body = bytes(300_000)
            digest = await boot.blobs.put(body)
            path = await alice.blobs.get(digest, max_size=len(body), peers=[boot.peer_id])
            assert path.read_bytes() == body
            for name, key in (("public", None), ("foreign", tmp_path / "other.key")):
                outside = settings(name, bootstrap=boot.addresses, psk_path=key, dial_seconds=1.0)
                async with open_network(outside) as stranger:
                    await wait_for_words(stranger, "no peer answers")
                    assert (
                        "network.psk_file" in stranger.joining() or "no answer in time" in stranger.joining()
                    )
                    assert stranger.peer_id not in boot.peers()


async def test_denied_address_is_neither_dialled_nor_let_in(settings: Settings) -> None:
    with trio.fail_after(20):
        async with (
            open_network(settings("boot", deny=("127.0.0.0/8",))) as boot,
            open_network(settings("alice", bootstrap=boot.addresses)) as alice,
        ):
            await wait_for_words(alice, "closed the connection")
            assert not boot.peers()
            at = alice._host.get_addrs()[0]
            boot._host.get_peerstore().add_addrs(alice._host.get_id(), [at], 60)
            with pytest.raises(NetworkError, match="cannot be reached"):
                await boot.connect(alice.peer_id)


async def test_allow_list_lets_in_what_it_names(settings: Settings) -> None:
    with trio.fail_after(20):
        async with (
            open_network(settings("boot", allow=("127.0.0.1",))) as boot,
            open_network(settings("closed", allow=("192.0.2.0/24",))) as closed,
            open_network(settings("alice", bootstrap=(*boot.addresses, *closed.addresses))) as alice,
        ):
            await alice.wait_connected(boot.peer_id)
            assert not closed.peers()


async def test_one_address_gets_so_many_connections(settings: Settings) -> None:
    with trio.fail_after(20):
        async with (
            open_network(settings("boot", max_per_ip=2)) as boot,
            open_network(settings("one", bootstrap=boot.addresses)) as one,
            open_network(settings("two", bootstrap=boot.addresses)) as two,
        ):
            await boot.wait_connected(one.peer_id)
            await boot.wait_connected(two.peer_id)
            async with open_network(settings("three", bootstrap=boot.addresses)) as three:
                await wait_for_words(three, "closed the connection")
                assert three.peer_id not in boot.peers()


async def test_requests_of_one_peer_are_limited_and_others_served(settings: Settings) -> None:
    async def echo(peer: str, request: bytes) -> bytes:
        return request

    slow = {"request_rate": 0.001, "request_burst": 6}
    with trio.fail_after(20):
        async with (
            open_network(settings("alice", **slow)) as alice,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
            open_network(settings("carol", bootstrap=alice.addresses, exchange_seconds=60)) as carol,
        ):
            alice.serve(TASK, echo, max_request=100)

            async def ask() -> bytes:
                return await bob.request(alice.peer_id, TASK, b"x", timeout=5, max_response=100)

            assert await ask() == b"x"
            with pytest.raises(RemoteError, match="busy: too many requests a second"):  # noqa: PT012
                for _ in range(6):
                    await ask()
            assert await carol.request(alice.peer_id, TASK, b"y", timeout=5, max_response=100) == b"y"
            assert alice._connections._reputation.score(bob.peer_id) > 0


async def test_refused_peer_stays_refused_after_a_restart(settings: Settings, tmp_path: Path) -> None:
    state = {"state_dir": tmp_path / "state"}
    with trio.fail_after(20):
        async with (
            open_network(settings("alice", **state)) as alice,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        ):
            listen = listen_of(alice)
            await alice.wait_connected(bob.peer_id)
            for _ in range(3):
                alice._connections.offence(bob.peer_id, Offence.WRONG_BYTES)
            await alice.wait_disconnected(bob.peer_id)
        async with (
            open_network(settings("alice", listen=listen, **state)) as alice,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        ):
            with pytest.raises(NetworkError, match="refused for misbehaving"):
                await alice.connect(bob.peer_id)
            with pytest.raises(NetworkError):
                await bob.request(alice.peer_id, TASK, b"", timeout=1, max_response=1)


async def test_connection_limit_holds(settings: Settings) -> None:
    with trio.fail_after(20):
        async with (
            open_network(settings("boot", max_connections=1)) as boot,
            open_network(settings("one", bootstrap=boot.addresses)) as one,
        ):
            await boot.wait_connected(one.peer_id)
            async with open_network(settings("two", bootstrap=boot.addresses)) as two:
                await wait_for_words(two, "it is full")
                assert len(swarm_of(boot).get_connections()) == 1
