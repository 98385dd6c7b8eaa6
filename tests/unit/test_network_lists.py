"""Peer lists, addresses, keys and settings of the network."""

import stat
from pathlib import Path

import cbor2
import pytest

from p2pnode.errors import ConfigError, NetworkError, ProtocolError
from p2pnode.network import NetworkSettings, create_key, load_key, parse_peer_list, peer_id_of, read_peer_list
from p2pnode.network.address import parse_peer_id, split_address
from p2pnode.network.bootstrap import built_in_list, read_sources
from p2pnode.network.peers import MAX_RECORDS, decode_records

PEER = "12D3KooWSuSv2352uu6ZVpVwZPQGRtsE3JpSC138USpFndwVZQGw"
ADDRESS = f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}"


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
