"""The parts of the network layer that need no peer: limits, reputation, frames, lists, keys, blobs."""

import hashlib
import stat
import time
from pathlib import Path

import cbor2
import pytest

from p2pnode.errors import BlobError, ConfigError, NetworkError, ProtocolError
from p2pnode.network import NetworkSettings, create_key, load_key, parse_peer_list, peer_id_of, read_peer_list
from p2pnode.network.address import parse_peer_id, split_address
from p2pnode.network.blob_store import CHUNK, IN_USE_SECONDS, STALE_SECONDS, BlobStore
from p2pnode.network.bootstrap import built_in_list, read_sources
from p2pnode.network.frames import (
    FrameTooLarge,
    Status,
    decode_refusal,
    encode_refusal,
    read_frame,
    write_frame,
)
from p2pnode.network.limits import RateLimit, Recent
from p2pnode.network.peers import MAX_RECORDS, decode_records
from p2pnode.network.reputation import HALF_LIFE, LIMIT, Offence, Reputation

PEER = "12D3KooWSuSv2352uu6ZVpVwZPQGRtsE3JpSC138USpFndwVZQGw"
ADDRESS = f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_rate_limit_gives_the_burst_then_the_rate() -> None:
    clock = Hand()
    limit = RateLimit(2.0, 3, clock)
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]
    assert limit.wait("a") == 0.5
    assert limit.take("b")
    clock.time += 0.5
    assert limit.take("a")
    assert not limit.take("a")
    clock.time += 1000
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]


def test_rate_limit_remembers_a_bounded_number_of_keys() -> None:
    limit = RateLimit(1.0, 1, Hand(), keys=10)
    for key in range(1000):
        assert limit.take(key)
    assert len(limit._buckets) == 10
    assert not limit.take(999)


def test_recent_forgets_after_its_time_and_over_its_size() -> None:
    clock = Hand()
    recent = Recent(10.0, clock, keys=5)
    assert recent.first("a")
    assert not recent.first("a")
    clock.time += 10
    assert recent.first("a")
    for key in range(100):
        assert recent.first(key)
    assert len(recent._seen) <= 5


def test_reputation_refuses_over_the_limit_and_forgives() -> None:
    clock = Hand()
    reputation = Reputation(clock)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.refuses(PEER)
    assert reputation.add(PEER, Offence.WRONG_BYTES)
    assert not reputation.add(PEER, Offence.WRONG_BYTES)
    assert reputation.refuses(PEER)
    clock.time += HALF_LIFE
    assert reputation.score(PEER) == pytest.approx(80)
    assert reputation.refuses(PEER)
    clock.time += HALF_LIFE
    assert not reputation.refuses(PEER)
    assert reputation.score("nobody") == 0


def test_slow_offences_never_add_up() -> None:
    clock = Hand()
    reputation = Reputation(clock)
    for _ in range(500):
        clock.time += HALF_LIFE
        assert not reputation.add(PEER, Offence.OVERSIZE)
    assert reputation.score(PEER) < LIMIT


class Pipe:
    """A stream that hands out what it was given, `step` bytes at a time."""

    def __init__(self, data: bytes = b"", step: int = 3) -> None:
        self.data = data
        self.step = step
        self.written: list[bytes] = []

    async def read(self, n: int | None = None) -> bytes:
        size = min(self.step, n if n is not None else self.step)
        part, self.data = self.data[:size], self.data[size:]
        return part

    async def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 1000])
async def test_frame_round_trip(body: bytes) -> None:
    out = Pipe()
    await write_frame(out, body[:5], body[5:])
    assert all(len(part) <= 65536 for part in out.written)
    assert await read_frame(Pipe(b"".join(out.written), step=1000), len(body)) == body


@pytest.mark.parametrize("cut", range(8))
async def test_frame_that_is_cut_off(cut: int) -> None:
    with pytest.raises(NetworkError, match="the stream ended after"):
        await read_frame(Pipe((4).to_bytes(4, "big") + b"full"[: cut - 4] if cut >= 4 else bytes(cut)), 10)


async def test_frame_over_the_limit_is_not_read() -> None:
    pipe = Pipe((11).to_bytes(4, "big") + b"never read.", step=100)
    with pytest.raises(FrameTooLarge, match="11 bytes announced, 10 allowed"):
        await read_frame(pipe, 10)
    assert pipe.data == b"never read."


def test_refusals_are_short_and_printable() -> None:
    assert decode_refusal(encode_refusal(Status.TOO_LARGE, "no")) == "too-large: no"
    assert decode_refusal(b"\x63\x1b[31m\xff") == "status 99:  [31m\ufffd"
    assert len(encode_refusal(Status.REFUSED, "x" * 10_000)) == 513


def test_peer_list_with_comments() -> None:
    text = f"# devnet\n\n  {ADDRESS}   # the first\n/ip6/2001:db8::1/tcp/1/p2p/{PEER}\n"
    assert parse_peer_list(text, "list") == [ADDRESS, f"/ip6/2001:db8::1/tcp/1/p2p/{PEER}"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "'nonsense' is not a multiaddr"),
        ("/ip4/192.0.2.7/tcp/4001", "does not end in one /p2p/"),
        (f"/ip4/192.0.2.7/udp/4001/quic-v1/p2p/{PEER}", "is not a TCP address"),
        (f"/ip4/192.0.2.7/p2p/{PEER}", "is not a TCP address"),
        ("/ip4/192.0.2.7/tcp/99999/p2p/" + PEER, "is not a multiaddr"),
        ("/ip4/192.0.2.7/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "Ed25519"),
        (ADDRESS, "is on line 2 already"),
    ],
)
def test_bad_line_of_a_peer_list_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "peers"
    path.write_text(f"# head\n{ADDRESS}\n{line}\n")
    with pytest.raises(ConfigError) as raised:
        read_peer_list(path)
    assert str(raised.value).startswith(f"{path}:3: ")
    assert reason in str(raised.value)


def test_bootstrap_entries_are_addresses_or_files(tmp_path: Path) -> None:
    path = tmp_path / "peers"
    path.write_text(ADDRESS + "\n")
    (candidate,) = read_sources([str(path), ADDRESS]).candidates
    assert candidate.peer.to_base58() == PEER
    assert str(candidate.address) == "/ip4/192.0.2.7/tcp/4001"
    assert candidate.source == "peers"
    assert str(candidate) == ADDRESS
    assert not read_sources([ADDRESS]).without(candidate.peer).candidates
    with pytest.raises(ConfigError, match="nor is it a list file that exists"):
        read_sources([str(tmp_path / "missing")])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_sources([str(path)])


def test_list_in_the_repository_is_valid() -> None:
    assert read_peer_list(Path(__file__).parents[2] / "bootstrap" / "devnet.peers") == []
    assert isinstance(built_in_list(), list)


def test_addresses_and_peer_ids() -> None:
    peer, _ = split_address(ADDRESS)
    assert parse_peer_id(PEER) == peer
    for bad in ("", "12D3", PEER[:-1], PEER + "x", "0OIl"):
        with pytest.raises(NetworkError, match="is not the peer ID"):
            parse_peer_id(bad)


def test_key_is_private_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "data" / "node.key"
    peer = create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert peer_id_of(path) == peer
    with pytest.raises(ConfigError, match="exists already"):
        create_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"not base64!", b"AAAA", b"CAESQA=="])
def test_damaged_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"node key .* is"):
        load_key(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": ()},
        {"max_connections": 64},
        {"max_connections": 0},
        {"origin_rate": 0},
        {"origin_burst": 0},
        {"redial_seconds": (2.0, 1.0)},
        {"deny": ("192.0.2.300",)},
        {"allow": ("somewhere",)},
        {"max_per_ip": 0},
        {"request_rate": 0},
        {"request_burst": 0},
    ],
)
def test_settings_are_checked(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"network\."):
        NetworkSettings(key_path=tmp_path, cache_dir=tmp_path, **changes)  # type: ignore[arg-type]


def test_exchange_answers_are_bounded() -> None:
    assert decode_records(cbor2.dumps([b"a", b"b"])) == [b"a", b"b"]
    for bad in (b"", b"\xff", cbor2.dumps({}), cbor2.dumps([1]), cbor2.dumps([b""] * (MAX_RECORDS + 1))):
        with pytest.raises(ProtocolError, match="peer exchange answer"):
            decode_records(bad)


def test_blob_store(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", 1000)
    digest = hashlib.sha256(b"content").digest()
    assert not store.has(digest)
    for missing in (
        lambda: store.read(digest, 0, 10),
        lambda: store.pin(digest),
        lambda: store.hashes(digest),
    ):
        with pytest.raises(BlobError, match="not kept here"):
            missing()
    assert store.put(b"content") == digest
    assert store.put(b"content") == digest
    assert store.pinned(digest)
    assert store.read(digest, 2, 3) == (7, b"nte")
    assert store.read(digest, 100, 3) == (7, b"")
    assert store.hashes(digest) == (7, (digest,))
    assert store.digests() == [digest]
    (tmp_path / "blobs" / "stranger.txt").touch()
    assert store.digests() == [digest]
    assert store.used() == 7


def test_partial_blob_becomes_one_only_when_it_hashes(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 10 * CHUNK)
    body = bytes(range(256)) * (CHUNK // 128) + b"rest"
    digest = hashlib.sha256(body).digest()
    hashes = [hashlib.sha256(body[i : i + CHUNK]).digest() for i in range(0, len(body), CHUNK)]
    assert store.begin(digest, len(body), hashes) == set()
    store.write(digest, 1, body[CHUNK : 2 * CHUNK])
    store.write(digest, 2, b"rest")
    assert store.begin(digest, len(body), hashes) == {1, 2}
    assert not store.has(digest)
    assert not store.commit(digest)
    assert store.begin(digest, len(body), hashes) == set()
    for index in range(3):
        store.write(digest, index, body[index * CHUNK : (index + 1) * CHUNK])
    assert store.commit(digest)
    assert store.digests() == [digest]
    assert [path.name for path in tmp_path.iterdir()] == [digest.hex()]


def test_room_is_made_by_throwing_out_what_was_used_longest_ago(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    store = BlobStore(tmp_path, 100, lambda: clock[0])
    kept = store.put(b"a" * 30)
    old, new = (store.put(letter * 30) for letter in (b"b", b"c"))
    for digest in (old, new):
        store.unpin(digest)
    for digest in (kept, old, new):
        clock[0] += 1
        store.use(digest)
    with pytest.raises(BlobError, match="pinned or in use"):
        store.make_room(30, bytes(32))
    clock[0] += IN_USE_SECONDS
    store.use(new)
    assert store.make_room(10, bytes(32)) == []
    assert store.make_room(30, bytes(32)) == [old]
    assert store.has(new)
    assert store.has(kept)
    abandoned = bytes(32)
    store.begin(abandoned, 30, [])
    with pytest.raises(BlobError, match="no room"):
        store.make_room(30, bytes(31) + b"x")
    assert store.make_room(30, abandoned) == []
    clock[0] = time.time() + STALE_SECONDS + 10
    store.use(new)
    assert store.make_room(30, bytes(31) + b"x") == []
    assert not list(tmp_path.glob("*.part"))
