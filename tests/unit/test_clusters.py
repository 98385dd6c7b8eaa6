"""The cluster of the settings: its token, and what the doctor says of it."""

from pathlib import Path

import pytest
import trio

from p2pnode.clusters import cluster_of
from p2pnode.config import Config, ProverConfig
from p2pnode.doctor import Check, Outcome
from p2pnode.doctor.cluster import cluster
from p2pnode.errors import ConfigError
from p2pnode.proving import Cluster
from tests.unit.bento_stand_in import StandIn, serving
from tests.unit.built import needs_prover

TOKEN = "a-token-of-the-cluster"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def test_settings_become_a_cluster(token_file: Path) -> None:
    assert cluster_of(ProverConfig()) is None
    assert cluster_of(ProverConfig(cluster_url="http://a")) == Cluster("http://a")
    settings = ProverConfig("", 7200, "https://b", token_file, 60, False)
    found = cluster_of(settings)
    assert found == Cluster("https://b", TOKEN, 60, False)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "nïcht", "a\x00b"])
def test_what_is_no_token_is_refused_and_not_shown(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(ConfigError, match=r"prover\.cluster_token_file .*single line") as caught:
        cluster_of(ProverConfig(cluster_url="http://a", cluster_token_file=token_file))
    assert not content.strip() or content not in str(caught.value)


def test_a_token_that_others_can_read_is_refused(token_file: Path) -> None:
    token_file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        cluster_of(ProverConfig(cluster_url="http://a", cluster_token_file=token_file))


def looked(settings: ProverConfig) -> list[Check]:
    async def look() -> list[Check]:
        return [check async for check in cluster(Config(prover=settings))]

    return trio.run(look)


def test_the_doctor_says_nothing_of_a_cluster_that_is_not_set() -> None:
    assert looked(ProverConfig()) == []


@needs_prover
def test_the_doctor_asks_the_cluster(token_file: Path) -> None:
    with serving(StandIn(lambda program, stdin: b"", TOKEN)) as bento:
        (check,) = looked(ProverConfig(cluster_url=bento.url, cluster_token_file=token_file))
        assert (check.name, check.outcome) == ("prover.cluster", Outcome.OK)
        assert "gets the guest" in check.found
        # Without the right token: a warning while this machine can take over, else a failure.
        (check,) = looked(ProverConfig(cluster_url=bento.url))
        assert check.outcome == Outcome.WARN
        assert "prover.cluster_token_file" in check.found
        (check,) = looked(ProverConfig(cluster_url=bento.url, cluster_fallback=False))
        assert check.outcome == Outcome.FAIL
        assert check.fix
    assert all(call.startswith("GET /images/upload/") for call in bento.calls)


@needs_prover
def test_the_doctor_warns_of_a_cluster_in_the_clear() -> None:
    checks = looked(ProverConfig(cluster_url="http://bento.invalid"))
    assert [(check.name, check.outcome) for check in checks] == [
        ("prover.cluster", Outcome.WARN),
        ("prover.cluster_url", Outcome.WARN),
    ]
