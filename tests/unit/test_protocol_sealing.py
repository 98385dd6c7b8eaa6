"""Only the awarded worker reads an input, and only for that award."""

from pathlib import Path

import pytest

from p2pnode.errors import ProtocolError
from p2pnode.network import create_key
from p2pnode.network.sealing import NodeSeals
from p2pnode.protocol.schema import SEAL_OVERHEAD
from p2pnode.protocol.sealing import open_input, seal_input
from tests.sim.fake_seals import peer_id_of, seed_of

TASK = b"\x01" * 32
INPUT = b"what nobody else may read"


def test_a_node_opens_what_was_sealed_to_its_peer_id(tmp_path: Path) -> None:
    peer_id = create_key(tmp_path / "node.key")
    seals = NodeSeals(tmp_path / "node.key")
    sealed = seals.seal(peer_id, TASK, INPUT)
    assert len(sealed) == len(INPUT) + SEAL_OVERHEAD
    assert INPUT not in sealed
    assert seals.open(TASK, sealed) == INPUT
    assert seals.seal(peer_id, TASK, INPUT) != sealed, "the same input is not recognised"


def test_nothing_else_opens_it() -> None:
    bob, carol = seed_of("bob"), seed_of("carol")
    sealed = seal_input(peer_id_of(bob), TASK, INPUT)
    assert open_input(bob, TASK, sealed) == INPUT
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for seed, task, data in [
        (carol, TASK, sealed),
        (bob, bytes(32), sealed),
        (bob, TASK, altered),
        (bob, TASK, b""),
    ]:
        with pytest.raises(ProtocolError, match="does not open"):
            open_input(seed, task, data)


@pytest.mark.parametrize("peer", ["", "bob", "16Uiu2HAm" + "1" * 44, "0OIl"])
def test_a_peer_without_an_ed25519_key_is_named(peer: str) -> None:
    with pytest.raises(ProtocolError, match="has no Ed25519 key"):
        seal_input(peer, TASK, INPUT)
