"""Where a node can be reached is never on the chain."""

from p2pnode.chain.contract import load_abi


def test_the_register_holds_a_peer_id_and_no_endpoint() -> None:
    """A peer ID is a hash; `NodeCoordinator` refuses bytes that are none (its own tests)."""
    items = {item.get("name"): item for item in load_abi("NodeCoordinator")}
    inputs = {field["name"]: field["type"] for field in items["register"]["inputs"]}
    assert inputs == {"peerId": "bytes", "capacity": "uint32", "stake": "uint256"}
    event = [field["name"] for field in items["NodeRegistered"]["inputs"]]
    assert event == ["account", "peerId", "capacity", "stake"]
    kept = [field["name"] for found in items["nodeOf"]["outputs"] for field in found["components"]]
    assert kept == [
        *("peerId", "stake", "capacity", "withdrawableAt"),
        *("settled", "missed", "epoch", "settledInEpoch"),
    ]
