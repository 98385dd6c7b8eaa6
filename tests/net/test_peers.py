"""Joining, redialling, learning of others, refusing, and leaving nothing behind."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import cbor2
import pytest
import trio
import trio.testing
from libp2p import new_host
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.envelope import seal_record
from libp2p.peer.id import ID
from libp2p.peer.peer_record import PeerRecord
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID as PLAINTEXT
from libp2p.security.insecure.transport import InsecureTransport
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.errors import ConfigError, NetworkError
from p2pnode.network import Network, NetworkSettings, open_network, run_bootstrap
from p2pnode.network.peers import PROTOCOL
from p2pnode.network.reputation import Offence
from p2pnode.ports import StreamProtocol, Topic
from tests.net.conftest import Settings, mallory, open_sockets, swarm_of


def port_of(address: str) -> str:
    return address.split("/")[4]


async def test_nodes_learn_of_each_other_through_the_bootstrap_peer(settings: Settings) -> None:
    async with (
        open_network(settings("boot")) as boot,
        open_network(settings("alice", bootstrap=boot.addresses)) as alice,
        open_network(settings("bob", bootstrap=boot.addresses)) as bob,
    ):
        with trio.fail_after(10):
            await alice.wait_connected(bob.peer_id)
            await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
        assert bob.addresses_of(alice.peer_id) == (alice.addresses[0].partition("/p2p/")[0],)


@asynccontextmanager
async def bootstrap_peer(settings: NetworkSettings) -> AsyncIterator[Network]:
    """A bootstrap peer that runs until the context ends."""
    send, receive = trio.open_memory_channel[Network](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_bootstrap, settings, send.send_nowait)
        yield await receive.receive()
        nursery.cancel_scope.cancel()


async def test_redials_the_bootstrap_peer_when_it_comes_back(settings: Settings) -> None:
    with trio.fail_after(30):
        async with bootstrap_peer(settings("boot")) as boot:
            (address,) = boot.addresses
        same_port = settings("boot", listen=(f"/ip4/127.0.0.1/tcp/{port_of(address)}",))
        async with open_network(settings("alice", bootstrap=(address,))) as alice:
            for _ in range(2):
                async with bootstrap_peer(same_port) as boot:
                    assert boot.addresses == (address,)
                    await alice.wait_connected(boot.peer_id)
                    await alice.wait_for_mesh(boot.peer_id, Topic.OFFERS)
                await alice.wait_disconnected(boot.peer_id)
                with pytest.raises(NetworkError, match=r"cannot be reached: tried /ip4/127\.0\.0\.1"):
                    await alice.connect(boot.peer_id)


async def test_bootstrap_peer_that_is_away_at_the_start(settings: Settings) -> None:
    async with open_network(settings("boot")) as boot:
        address = boot.addresses[0]
    async with open_network(settings("alice", bootstrap=(address,))) as alice:
        late = settings("boot", listen=(f"/ip4/127.0.0.1/tcp/{port_of(address)}",))
        with trio.fail_after(10):
            async with open_network(late) as boot:
                await alice.wait_connected(boot.peer_id)


async def test_forged_peer_record_is_not_believed(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice, mallory(alice) as attacker:
        victim, forger = create_new_key_pair(), create_new_key_pair()
        wanted = ID.from_pubkey(victim.public_key)
        record = PeerRecord(wanted, [Multiaddr("/ip4/127.0.0.1/tcp/9")])
        forged = seal_record(record, forger.private_key).marshal_envelope()

        async def lie(stream: INetStream) -> None:
            await stream.read(1024)
            body = b"\x00" + cbor2.dumps([forged])
            await stream.write(len(body).to_bytes(4, "big") + body)
            await stream.close()

        attacker.host.set_stream_handler(TProtocol(PROTOCOL), lie)
        with trio.fail_after(10):
            with pytest.raises(NetworkError, match="no peer knows its address"):
                await alice.connect(wanted.to_base58())
        assert alice._connections._reputation.score(attacker.peer_id) > 0
        assert not alice.addresses_of(wanted.to_base58())


async def test_refused_peer_is_disconnected_and_stays_out(settings: Settings) -> None:
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(10):
            await alice.wait_connected(bob.peer_id)
            for _ in range(3):
                alice._connections.offence(bob.peer_id, Offence.WRONG_BYTES)
            await alice.wait_disconnected(bob.peer_id)
            with pytest.raises(NetworkError, match="refused for misbehaving"):
                await alice.connect(bob.peer_id)
            with pytest.raises(NetworkError):
                await bob.request(alice.peer_id, StreamProtocol.TASK, b"", timeout=1, max_response=1)


async def test_nothing_is_left_open(settings: Settings) -> None:
    before = open_sockets()
    tasks = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(20):
        async with (
            open_network(settings("alice")) as alice,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        ):
            await bob.wait_for_mesh(alice.peer_id, Topic.OFFERS)
            port = port_of(alice.addresses[0])
            assert open_sockets() - before
        await trio.testing.wait_all_tasks_blocked()
        assert open_sockets() <= before
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", int(port))


async def test_what_the_body_raises_comes_out_as_it_is(settings: Settings) -> None:
    with trio.fail_after(10), pytest.raises(KeyError, match="mine"):
        async with open_network(settings("alice")):
            raise KeyError("mine")


async def test_cancelling_closes_within_two_seconds(settings: Settings) -> None:
    with trio.fail_after(10):
        with trio.CancelScope() as scope:
            async with (
                open_network(settings("alice")) as alice,
                open_network(settings("bob", bootstrap=alice.addresses)) as bob,
            ):
                await bob.wait_for_mesh(alice.peer_id, Topic.OFFERS)
                started = trio.current_time()
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() - started < 2


async def test_cancelled_close_leaves_no_socket(settings: Settings) -> None:
    before = open_sockets()
    with trio.fail_after(20):
        async with (
            open_network(settings("alice")) as alice,
            open_network(settings("bob", bootstrap=alice.addresses)) as bob,
        ):
            await bob.connect(alice.peer_id)
            (connection,) = swarm_of(bob).get_connections(ID.from_base58(alice.peer_id))
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.close()
            assert scope.cancelled_caught
        assert open_sockets() <= before
        assert connection.is_closed


async def test_closing_under_load_is_clean(settings: Settings) -> None:
    """Row 8: with pubsub nested inside the host, one shutdown of four fails here."""
    with trio.fail_after(60):
        for round_ in range(4):
            async with open_network(settings("alice", origin_rate=5000.0, origin_burst=5000)) as alice:

                async def flood(node: Network = alice) -> None:
                    for number in range(100_000):
                        await node.publish(Topic.OFFERS, b"%d" % number)

                bootstrap = {"bootstrap": alice.addresses, "origin_rate": 5000.0, "origin_burst": 5000}
                async with open_network(settings("bob", **bootstrap)) as bob:
                    await alice.wait_for_mesh(bob.peer_id, Topic.OFFERS)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(flood)
                        await trio.sleep(0.05 * round_)
                        nursery.cancel_scope.cancel()


async def test_each_address_of_a_peer_is_tried(settings: Settings) -> None:
    async with open_network(settings("boot")) as boot, open_network(settings("gone")) as gone:
        dead = f"{gone.addresses[0].partition('/p2p/')[0]}/p2p/{boot.peer_id}"
        await gone._host.close()
        async with open_network(settings("alice", bootstrap=(dead, *boot.addresses))) as alice:
            with trio.fail_after(10):
                await alice.wait_connected(boot.peer_id)


async def test_only_noise_is_spoken(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice:
        offered = swarm_of(alice).upgrader.security_multistream.transports
        assert [str(name) for name in offered] == ["/noise"]
        with trio.fail_after(10):
            plain = new_host(sec_opt={PLAINTEXT: InsecureTransport(create_new_key_pair())})
            async with plain.run(listen_addrs=[]):
                with pytest.raises(SwarmException, match="failed to upgrade security"):
                    await cast(Swarm, plain.get_network()).dial_addr(
                        Multiaddr(alice.addresses[0]), ID.from_base58(alice.peer_id)
                    )


async def test_port_in_use(settings: Settings) -> None:
    async with open_network(settings("alice")) as alice:
        taken = f"/ip4/127.0.0.1/tcp/{port_of(alice.addresses[0])}"
        with trio.fail_after(10), pytest.raises(ConfigError, match=re.escape(f"cannot listen on {taken}")):
            async with open_network(settings("bob", listen=(taken,))):
                pass


async def test_wrong_settings_start_nothing(settings: Settings, tmp_path: Path) -> None:
    missing = NetworkSettings(key_path=tmp_path / "none", cache_dir=tmp_path)
    with pytest.raises(ConfigError, match="p2pnode init"):
        async with open_network(missing):
            pass
    with pytest.raises(ConfigError, match="'nonsense' is not a multiaddr"):
        async with open_network(settings("alice", listen=("nonsense",))):
            pass
    with pytest.raises(ConfigError, match="does not end in one /p2p/"):
        async with open_network(settings("alice", bootstrap=("/ip4/127.0.0.1/tcp/1",))):
            pass
