"""Seconds left of a whole job, segment sizes, and where the binary is looked for."""

from pathlib import Path

import pytest

from p2pnode.errors import ProverError
from p2pnode.ports import Progress
from p2pnode.proving.locate import find_prover, free_memory, segment_po2
from p2pnode.proving.progress import RECURSION_SECONDS, WRAP_SECONDS, Estimate


def test_one_segment_goes_straight_to_wrap() -> None:
    estimate = Estimate()
    assert estimate.whole(Progress("execute", 1, 1, 0.2, 0.0, {"segments": 1})).remaining is None
    segment = estimate.whole(Progress("segment", 1, 1, 10.0, 90.0))
    assert segment.remaining == 90 + WRAP_SECONDS
    assert segment.detail["step_remaining"] == 90
    assert estimate.whole(Progress("wrap", 1, 1, 2.0, 20.0)).remaining == 20
    assert estimate.whole(Progress("verify", 1, 1, 0.0, 0.1)).remaining == 0.1


def test_three_segments_count_their_lifts_and_joins() -> None:
    estimate = Estimate()
    estimate.whole(Progress("execute", 1, 1, 0.2, 0.0, {"segments": 3}))
    rest = 5 * RECURSION_SECONDS + WRAP_SECONDS
    assert estimate.whole(Progress("segment", 1, 3, 10.0, 40.0)).remaining == 40 + 2 * 50 + rest
    assert estimate.whole(Progress("segment", 3, 3, 60.0, 0.0)).remaining == rest
    # The first lift took 30 s: later ones are expected to.
    assert (
        estimate.whole(Progress("lift", 1, 3, 30.0, 0.0)).remaining
        == 60 + 2 * RECURSION_SECONDS + WRAP_SECONDS
    )
    assert (
        estimate.whole(Progress("lift", 2, 3, 30.0, 0.0)).remaining
        == 30 + 2 * RECURSION_SECONDS + WRAP_SECONDS
    )
    assert estimate.whole(Progress("join", 1, 2, 20.0, 0.0)).remaining == 30 + 20 + WRAP_SECONDS
    assert estimate.whole(Progress("join", 2, 2, 20.0, 0.0)).remaining == WRAP_SECONDS


def test_unknown_remaining_stays_unknown() -> None:
    assert Estimate().whole(Progress("segment", 1, 1, 1.0, None)).remaining is None


@pytest.mark.parametrize(
    ("gigabytes", "po2"), [(0.1, 15), (1.0, 15), (2.5, 17), (8.0, 18), (18.0, 20), (500.0, 20)]
)
def test_segments_fit_the_memory(gigabytes: float, po2: int) -> None:
    assert segment_po2(int(gigabytes * 1e9)) == po2


def test_free_memory_is_some() -> None:
    assert 1 << 26 < free_memory() < 1 << 50


def test_setting_comes_before_environment_before_cache(tmp_path: Path) -> None:
    paths = {}
    for name in ("setting", "environment", "p2pnode/cargo/release/p2pnode-prover"):
        paths[name] = tmp_path / name
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        paths[name].touch(mode=0o755)
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    both = {**cache, "P2PNODE_PROVER": str(paths["environment"])}
    assert find_prover(str(paths["setting"]), both) == paths["setting"]
    assert find_prover("", both) == paths["environment"]
    assert find_prover("", cache) == paths["p2pnode/cargo/release/p2pnode-prover"]


def test_a_folder_is_no_prover(tmp_path: Path) -> None:
    with pytest.raises(ProverError, match="not an executable file"):
        find_prover(str(tmp_path), {})
