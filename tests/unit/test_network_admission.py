"""Who is let in: connections of one place, private networks, and a reputation that outlives the process."""

from pathlib import Path

import nacl.secret
import pytest
import trio
import trio.testing
from libp2p.abc import IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import IOException
from libp2p.network.exceptions import SwarmException
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from p2pnode.errors import ConfigError
from p2pnode.network.admission import BURST, RATE, Admission
from p2pnode.network.psk import PrivateConnection, create_psk, load_psk, xsalsa20
from p2pnode.network.reputation import HALF_LIFE, NAME, NAME_LIST, Offence, Reputation, keep_reputation
from p2pnode.network.state_file import read_state

PEER = "12D3KooWSuSv2352uu6ZVpVwZPQGRtsE3JpSC138USpFndwVZQGw"


def test_one_place_holds_so_many_connections() -> None:
    admission = Admission(2, lambda: 0.0)
    with admission.admit(("192.0.2.1", 1)), admission.admit(("192.0.2.1", 2)):
        third = admission.admit(("192.0.2.1", 3))
        with pytest.raises(SwarmException, match=r"too many connections from 192\.0\.2\.1"), third:
            pass
        with admission.admit(("192.0.2.2", 1)):
            assert admission.count(("192.0.2.2", 9)) == 1
    assert admission.count(("192.0.2.1", 1)) == 0
    assert not admission._open


def test_an_ipv6_place_is_a_64() -> None:
    admission = Admission(1, lambda: 0.0)
    with admission.admit(("2001:db8::1", 1)):
        with pytest.raises(SwarmException), admission.admit(("2001:db8::ffff", 1)):
            pass
        with admission.admit(("2001:db8:0:1::1", 1)):
            pass


def test_one_place_connects_so_often() -> None:
    clock = [0.0]
    admission = Admission(10_000, lambda: clock[0])

    def attempts(count: int) -> int:
        done = 0
        for _ in range(count):
            try:
                with admission.admit(("192.0.2.1", 1)):
                    done += 1
            except SwarmException:
                continue
        return done

    assert attempts(2 * BURST) == BURST
    clock[0] += 5
    assert attempts(BURST) == 5 * RATE


def test_xsalsa20_is_that_of_nacl() -> None:
    key, nonce = bytes(range(32)), bytes(range(100, 124))
    plain = bytes(range(256)) * 3
    # NaCl's secretbox: the first 32 bytes of key stream go to Poly1305, whose tag of 16 bytes is in front.
    boxed = nacl.secret.SecretBox(key).encrypt(plain, nonce).ciphertext
    assert xsalsa20(key, nonce).encrypt(bytes(32) + plain)[32:] == boxed[16:]


class Wire(IRawConnection):
    """A raw connection that gives what was written to it, three bytes at a time."""

    is_initiator = True

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.closed = False

    async def write(self, data: bytes) -> None:
        self.data += data

    async def read(self, n: int | None = None) -> bytes:
        count = min(3, n or 3)
        data, self.data = self.data[:count], self.data[count:]
        return data

    async def close(self) -> None:
        self.closed = True

    def get_remote_address(self) -> tuple[str, int]:
        return ("192.0.2.1", 9)

    def get_transport_addresses(self) -> list[Multiaddr]:
        return [Multiaddr("/ip4/192.0.2.1/tcp/9")]

    def get_connection_type(self) -> ConnectionType:
        return ConnectionType.DIRECT


async def test_private_connection_understands_its_own_key_only(tmp_path: Path) -> None:
    create_psk(tmp_path / "swarm.key")
    create_psk(tmp_path / "other.key")
    key, other = load_psk(tmp_path / "swarm.key"), load_psk(tmp_path / "other.key")
    wire = Wire()
    sender = PrivateConnection(wire, key)
    await sender.write(b"hello, ")
    await sender.write(b"world")
    assert b"hello" not in wire.data
    assert len(wire.data) == 24 + 12

    async def read_all(connection: PrivateConnection) -> bytes:
        data = b""
        while part := await connection.read(100):
            data += part
        return data

    assert await read_all(PrivateConnection(Wire(wire.data), key)) == b"hello, world"
    assert await read_all(PrivateConnection(Wire(wire.data), other)) != b"hello, world"
    with pytest.raises(IOException, match="ended before its nonce"):
        await PrivateConnection(Wire(bytes(23)), key).read(1)
    assert sender.get_remote_address() == ("192.0.2.1", 9)
    await sender.close()
    assert wire.closed


@pytest.mark.parametrize(
    "content", ["", "/key/swarm/psk/1.0.0/\n/base16/\n12\n", "/key/x/\n/base16/\n" + "00" * 32]
)
def test_malformed_swarm_key_is_refused_and_not_quoted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "swarm.key"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(ConfigError, match="is no swarm key") as raised:
        load_psk(path)
    assert "00" * 8 not in str(raised.value)
    assert raised.value.__cause__ is None
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_psk(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_psk(tmp_path / "missing")
    with pytest.raises(ConfigError, match="exists already"):
        create_psk(path)


def refused(clock: list[float], times: int) -> Reputation:
    reputation = Reputation(lambda: clock[0])
    for _ in range(times):
        while not reputation.add(PEER, Offence.WRONG_BYTES):
            pass
        if times > 1:
            while reputation.refuses(PEER):
                clock[0] += HALF_LIFE
    return reputation


def test_reputation_goes_on_after_a_restart() -> None:
    clock = [5000.0]
    before = refused(clock, 1)
    written = before.dump(1_000_000)
    clock[0] = 3.0
    after = Reputation(lambda: clock[0])
    after.load(written, 1_000_000 + 60)
    assert after.refuses(PEER)
    assert 100 < after.score(PEER) < before.score(PEER) + 120
    clock[0] += 3 * HALF_LIFE
    assert not after.refuses(PEER)
    later = Reputation(lambda: 3.0)
    later.load(written, 1_000_000 + 31 * 86400)
    assert not later.dump(0)


def test_a_second_refusal_lasts_longer() -> None:
    clock = [0.0]
    reputation = refused(clock, 2)
    while not reputation.add(PEER, Offence.WRONG_BYTES):
        pass
    clock[0] += 2 * HALF_LIFE
    assert reputation.refuses(PEER)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"peer": 1, "score": 1, "at": 1, "refusals": 1},
        {"peer": PEER, "score": float("nan"), "at": 1, "refusals": 1},
        {"peer": PEER, "score": "high", "at": 1, "refusals": 1},
        {"peer": PEER, "score": 1, "at": 1, "refusals": None},
    ],
)
def test_malformed_reputation_is_left_out(entry: object) -> None:
    reputation = Reputation(lambda: 0.0)
    reputation.load([entry], 0.0)
    assert not reputation.dump(0)


async def test_reputation_is_written_at_the_end(tmp_path: Path) -> None:
    reputation = Reputation(trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_reputation, reputation, tmp_path, lambda: 1000.0)
        await trio.testing.wait_all_tasks_blocked()
        reputation.add(PEER, Offence.WRONG_BYTES)
        nursery.cancel_scope.cancel()
    (entry,) = read_state(tmp_path / NAME, NAME_LIST)
    assert entry["peer"] == PEER
    assert entry["score"] == pytest.approx(40, abs=0.1)
