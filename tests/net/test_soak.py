"""The soak of benchmarks/network_soak.py: a short one always, the hour in `make test-deep`."""

import os

import pytest

from benchmarks.network_soak import clean, soak
from tests.reliability import record


async def test_short_soak() -> None:
    figures = await soak(seconds=8, count=4, rate=5, every=3)
    assert figures["published"] > 20
    assert not figures["missing"], figures
    assert not figures["failures"], figures


@pytest.mark.deep
async def test_soak() -> None:
    seconds = float(os.environ.get("P2PNODE_SOAK_SECONDS", "3600"))
    figures = await soak(seconds=seconds, count=20, rate=5, every=10)
    counts = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    growth = {f"growth_{name}": value for name, value in figures["growth"].items()}
    record("soak", {**counts, **growth, "failures": sum(figures["failures"].values())})
    assert clean(figures), figures
