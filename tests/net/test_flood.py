"""Strangers flood real nodes on loopback: a short flood always, the whole in `make test-deep`."""

from dataclasses import fields
from typing import Any

import pytest

from benchmarks.flood import STRANGERS, measure
from benchmarks.flood_strangers import KINDS
from p2pnode.network.settings import NetworkSettings
from tests.reliability import record


def gated(found: dict[str, Any]) -> bool:
    """Whether no node heard more of the strangers than strangers may gossip in all, or one offer's copies."""
    usual = {field.name: field.default for field in fields(NetworkSettings)}
    burst, rate = usual["all_unbacked_burst"], usual["all_unbacked_rate"]
    return bool(found["strangers_offers_heard"] <= burst + rate * (found["seconds"] + 10) + 3)


async def test_short_flood() -> None:
    """The gate holds and nothing honest is lost; how much time it costs is for a quiet machine to say."""
    [found] = await measure(offers=1000, seconds=4, kinds=["fresh_names"])
    assert found["strangers_offers"] >= 1000
    assert found["strangers_offers_heard"] > 0
    assert gated(found), found
    assert not found["missing"], found


@pytest.mark.deep
async def test_flood() -> None:
    """10,000 offers of each kind from strangers slow honest ones by less than two."""
    measured = await measure(offers=10_000, seconds=30, kinds=list(KINDS))
    for found in measured:
        record("flood", found)
    for found in measured:
        assert found["strangers_offers"] >= 10_000 or found["strangers_expelled"] == STRANGERS, found
        assert gated(found), found
        assert not found["missing"], found
        assert found["times_slower"] < 2, found
