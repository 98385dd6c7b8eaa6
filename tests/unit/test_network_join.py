"""Finding the first peer, without a network: lists, DNS, peers met before, and the words when it fails."""

import json
import random
import stat
from pathlib import Path

import pytest
import trio

from p2pnode.errors import ConfigError
from p2pnode.network import dnsaddr
from p2pnode.network.address import split_address
from p2pnode.network.attempts import Attempts, Filtered, NameUnknown, NoRecord
from p2pnode.network.bootstrap import read_sources
from p2pnode.network.join import Waits
from p2pnode.network.key import create_key
from p2pnode.network.known_peers import FORGET_SECONDS, MAX_PEERS, NAME, KnownPeers

PEER = "12D3KooWSuSv2352uu6ZVpVwZPQGRtsE3JpSC138USpFndwVZQGw"
ADDRESS = f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}"
NOW = 1_800_000_000.0


def lookup_in(zone: dict[str, list[str]]) -> dnsaddr.Lookup:
    async def lookup(name: str) -> list[str]:
        if name not in zone:
            raise NameUnknown(f"{name}: no such name")
        return zone[name]

    return lookup


async def test_dnsaddr_takes_tcp_peers_and_follows_other_names() -> None:
    zone = {
        "_dnsaddr.a.example": [
            f"dnsaddr={ADDRESS}",
            f"dnsaddr=/ip4/192.0.2.7/udp/4001/quic-v1/p2p/{PEER}",
            "dnsaddr=nonsense",
            "v=spf1 -all",
            "dnsaddr=/dnsaddr/b.example",
        ],
        "_dnsaddr.b.example": [f"dnsaddr=/ip6/2001:db8::1/tcp/1/p2p/{PEER}", "dnsaddr=/dnsaddr/a.example"],
    }
    found = await dnsaddr.resolve("a.example", lookup_in(zone))
    assert found == [ADDRESS, f"/ip6/2001:db8::1/tcp/1/p2p/{PEER}"]


async def test_dnsaddr_without_a_usable_record_says_so() -> None:
    with pytest.raises(NoRecord, match=r"_dnsaddr\.a\.example names no TCP peer"):
        await dnsaddr.resolve("a.example", lookup_in({"_dnsaddr.a.example": ["other text"]}))
    with pytest.raises(NameUnknown):
        await dnsaddr.resolve("b.example", lookup_in({}))


def test_dns_names_are_told_from_files_and_addresses() -> None:
    assert read_sources(["/dnsaddr/boot.example.org", ADDRESS]).names == ("boot.example.org",)
    for bad in ("/dnsaddr/", "/dnsaddr/a..b", "/dnsaddr/a/b", "/dnsaddr/" + "x" * 64):
        with pytest.raises(ConfigError, match="is no DNS name"):
            read_sources([bad])


def test_waits_double_with_jitter_up_to_the_longest() -> None:
    waits = Waits(1.0, 8.0, random.Random(3))
    seen = [next(waits) for _ in range(6)]
    for wait, middle in zip(seen, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert len(set(seen[3:])) == 3


@pytest.mark.parametrize(
    ("error", "how", "remedy"),
    [
        (ConnectionRefusedError(111, "refused"), "nothing listens there", "get a fresh list"),
        (trio.TooSlowError(), "no answer in time", "firewall"),
        (OSError(101, "unreachable"), "no route", "network connection"),
        (NameUnknown("x"), "could not be looked up", "DNS"),
        (NoRecord("x"), "no dnsaddr record", "TXT records"),
        (Filtered("x"), "network.allow and network.deny", "remove the peer"),
        (ValueError("odd thing"), "odd thing", "log at level debug"),
    ],
)
def test_words_name_the_address_the_failure_and_the_remedy(
    error: BaseException, how: str, remedy: str
) -> None:
    clock = [100.0]
    attempts = Attempts(lambda: clock[0])
    assert "set network.bootstrap" in attempts.words()
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = ExceptionGroup("group", [error]) if isinstance(error, Exception) else error
    attempts.note(ADDRESS, "my.peers", wrapped)
    clock[0] += 7
    words = attempts.words()
    assert f"{ADDRESS} (my.peers), 7 s ago: " in words
    assert how in words
    assert remedy in words.partition("what to do:")[2]


def test_words_stay_short() -> None:
    attempts = Attempts(lambda: 0.0)
    for port in range(1000):
        attempts.note(f"/ip4/192.0.2.7/tcp/{port}", "list", ConnectionRefusedError())
    assert len(attempts.all()) == 64
    assert attempts.words().count("\n  - ") == 1


def test_known_peers_survive_and_are_bounded(tmp_path: Path) -> None:
    clock = [NOW]
    known = KnownPeers(tmp_path / "state", lambda: clock[0])
    peers = [split_address(f"/ip4/192.0.2.7/tcp/{port}/p2p/{_peer(tmp_path, port)}") for port in (1, 2)]
    for peer, address in peers:
        clock[0] += 1
        known.met(peer, address)
    known.save()
    path = tmp_path / "state" / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = KnownPeers(tmp_path / "state", lambda: clock[0])
    assert again.all() == peers[::-1]
    again.forget(peers[0][0])
    again.save()
    clock[0] += FORGET_SECONDS
    assert KnownPeers(tmp_path / "state", lambda: clock[0]).all() == []


def test_known_peers_keep_the_newest(tmp_path: Path) -> None:
    clock = [NOW]
    known = KnownPeers(None, lambda: clock[0])
    address = split_address(ADDRESS)[1]
    made = [split_address(f"/ip4/192.0.2.7/tcp/1/p2p/{_peer(tmp_path, n)}")[0] for n in range(MAX_PEERS + 3)]
    for peer in made:
        clock[0] += 1
        known.met(peer, address)
    assert [peer for peer, _ in known.all()] == made[:2:-1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"version": 2, "peers": []}',
        b'{"version": 1}',
        b"[" * 100_000,
        json.dumps(
            {"version": 1, "peers": [1, {}, {"address": "x", "seen": 1}, {"address": ADDRESS}]}
        ).encode(),
        json.dumps({"version": 1, "peers": [{"address": ADDRESS, "seen": 0}]}).encode(),
    ],
)
def test_damaged_known_peers_are_started_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert KnownPeers(tmp_path, lambda: NOW).all() == []


def _peer(folder: Path, number: int) -> str:
    return create_key(folder / f"key{number}")
