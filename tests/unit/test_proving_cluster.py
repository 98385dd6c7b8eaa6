"""A job's way over a cluster, against a stand-in that speaks its API: it is sent once, whatever happens."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from p2pnode.ports import Progress
from p2pnode.proving import Cluster, Rates, cluster
from p2pnode.proving.bento import ClusterError, UnreachableError
from p2pnode.proving.cluster import ClusterJob
from tests.unit.bento_stand_in import StandIn, serving

IMAGE_ID = bytes(range(32))
TOKEN = "a-token-of-the-cluster"
RECEIPT = b"a receipt, which is checked elsewhere"
CYCLES = 1 << 17


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for real seconds."""
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 0.2)


@pytest.fixture
def bento() -> Iterator[StandIn]:
    with serving(StandIn(lambda program, stdin: RECEIPT, TOKEN)) as stand_in:
        yield stand_in


class Sender:
    """Sends one job, as often as it is told to, and remembers what came of it."""

    def __init__(self, job: Path, url: str, token: str = TOKEN, seconds: float = 60) -> None:
        self.job = job
        self.cluster = Cluster(url, token, seconds)
        self.exports = 0
        self.seen: list[Progress] = []
        self.on_progress: Callable[[Progress], None] = self.seen.append

    async def fetch(self) -> Rates | None:
        return await ClusterJob(
            self.cluster, self.job, IMAGE_ID, "3.1.0", lambda progress: self.on_progress(progress)
        ).fetch(self._export, Rates())

    async def _export(self) -> int:
        self.exports += 1
        (self.job / "guest.bin").write_bytes(b"the guest")
        (self.job / "stdin.bin").write_bytes(b"all that it reads")
        return CYCLES

    @property
    def receipt(self) -> bytes:
        return (self.job / "receipt.bin").read_bytes()


@pytest.fixture
def sender(bento: StandIn, tmp_path: Path) -> Sender:
    return Sender(tmp_path, bento.url)


async def test_a_job_is_sent_waited_for_and_fetched(bento: StandIn, sender: Sender) -> None:
    rates = await sender.fetch()
    assert sender.receipt == RECEIPT
    assert bento.images == {IMAGE_ID.hex(): b"the guest"}
    assert list(bento.inputs.values()) == [b"all that it reads"]
    assert len(bento.sessions) == 1
    assert {headers["x-api-key"] for headers in bento.headers} == {TOKEN}
    assert {headers["x-risc0-version"] for headers in bento.headers} == {"3.1.0"}
    assert {progress.step for progress in sender.seen} == {"cluster"}
    # What the next estimate counts with: a cluster lifts and joins within its time.
    assert rates is not None
    assert rates.cycles_per_second > 0
    assert (rates.lift_seconds, rates.join_seconds) == (0, 0)


async def test_a_program_that_is_there_is_not_sent_again(bento: StandIn, sender: Sender) -> None:
    bento.images[IMAGE_ID.hex()] = b"sent before"
    await sender.fetch()
    assert bento.images == {IMAGE_ID.hex(): b"sent before"}


async def test_a_receipt_that_was_fetched_is_not_asked_for_again(bento: StandIn, sender: Sender) -> None:
    await sender.fetch()
    calls = len(bento.calls)
    assert await sender.fetch() is None
    assert len(bento.calls) == calls


async def test_a_job_killed_while_it_waits_goes_on_with_its_session(bento: StandIn, sender: Sender) -> None:
    bento.hold()
    with trio.CancelScope() as scope:
        sender.on_progress = lambda progress: (
            scope.cancel() if progress.detail["state"] != "sending" else None
        )
        await sender.fetch()
    assert scope.cancelled_caught
    assert json.loads((sender.job / "cluster.json").read_text())["session"] in bento.sessions
    bento.release()
    again = Sender(sender.job, bento.url)
    # A session whose beginning was not seen measures nothing.
    assert await again.fetch() is None
    assert again.receipt == RECEIPT
    assert len(bento.sessions) == 1
    assert again.exports == 0


async def test_a_job_killed_while_its_session_is_made_makes_no_second(
    bento: StandIn, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bento._create
    scope = trio.CancelScope()

    def lose(request: dict[str, object]) -> tuple[int, bytes]:
        answer = made(request)
        trio.from_thread.run_sync(scope.cancel, trio_token=token)
        bento.held.wait(0.2)
        return answer

    token = trio.lowlevel.current_trio_token()
    monkeypatch.setattr(bento, "_create", lose)
    bento.hold()
    with scope:
        await sender.fetch()
    assert scope.cancelled_caught
    with pytest.raises(ClusterError, match=r"cluster\.json"):
        await sender.fetch()
    assert len(bento.sessions) == 1


async def test_a_session_that_failed_is_not_asked_for_again(bento: StandIn, sender: Sender) -> None:
    def refuse(program: bytes, stdin: bytes) -> bytes:
        raise ValueError("Session limit exceeded")

    bento.prove = refuse
    with pytest.raises(ClusterError, match=r"ended FAILED: Session limit exceeded"):
        await sender.fetch()
    calls = len(bento.calls)
    with pytest.raises(ClusterError, match="ended FAILED"):
        await sender.fetch()
    assert len(bento.calls) == calls


async def test_a_session_that_takes_too_long_is_left_and_found_again(bento: StandIn, sender: Sender) -> None:
    bento.hold()
    late = Sender(sender.job, bento.url, seconds=0)
    with pytest.raises(ClusterError, match=r"prover\.cluster_seconds"):
        await late.fetch()
    bento.release()
    await sender.fetch()
    assert sender.receipt == RECEIPT
    assert len(bento.sessions) == 1


@pytest.mark.parametrize(
    ("route", "answer", "named"),
    [
        ("GET /images", (404, b"<html>"), r"prover\.cluster_url: GET /images.* HTTP 404"),
        ("GET /images", (301, b""), r"prover\.cluster_url: .* HTTP 301"),
        ("GET /images", (403, b""), r"prover\.cluster_token_file: .*HTTP 403"),
        ("GET /images", (200, bytes(100_000)), "more than 65536 bytes"),
        ("PUT /images", (400, b'{"type":"ImageIdMismatch","msg":"req: a comp: b"}'), "version of RISC Zero"),
        ("GET /inputs", (200, b"[" * 50_000), "no JSON"),
        ("GET /inputs", (200, b'{"url": "x"}'), "None for an identifier"),
        ("GET /inputs", (200, b'{"uuid": "../../images"}'), "for an identifier"),
        ("POST /sessions", (200, b'{"uuid": 7}'), "7 for an identifier"),
        ("POST /sessions", (500, b'{"type":"InternalErr","msg":"internal error"}'), "HTTP 500"),
        ("GET /sessions", (200, b"null"), "no JSON"),
        ("GET /sessions", (200, b'{"status": 1}'), "status is 1"),
        ("GET /sessions", (500, b"down"), "HTTP 500: down"),
        ("GET /receipts", (404, b"{}"), "HTTP 404"),
    ],
)
async def test_each_refusal_says_what_is_wrong_and_no_more(
    bento: StandIn, sender: Sender, route: str, answer: tuple[int, bytes], named: str
) -> None:
    bento.faults[route] = answer
    with pytest.raises(ClusterError, match=named) as caught:
        await sender.fetch()
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not (sender.job / "receipt.bin").exists()
    assert len(bento.sessions) <= 1


async def test_a_session_that_may_have_been_made_is_not_made_again(bento: StandIn, sender: Sender) -> None:
    bento.faults["POST /sessions"] = (502, b"bad gateway")
    with pytest.raises(ClusterError, match="HTTP 502"):
        await sender.fetch()
    bento.faults.clear()
    with pytest.raises(ClusterError, match="HTTP 502"):
        await sender.fetch()
    assert sum(call.startswith("POST") for call in bento.calls) == 1


async def test_a_wrong_token_is_named_but_not_shown(bento: StandIn, tmp_path: Path) -> None:
    wrong = Sender(tmp_path, bento.url, token="a-wrong-token")
    with pytest.raises(ClusterError, match=r"prover\.cluster_token_file") as caught:
        await wrong.fetch()
    assert "a-wrong-token" not in str(caught.value) + repr(wrong.cluster)


async def test_a_receipt_without_end_is_cut_off(
    bento: StandIn, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pnode.proving.bento.MAX_RECEIPT", 1 << 17)
    bento.prove = lambda program, stdin: bytes(1 << 18)
    with pytest.raises(ClusterError, match="more than 131072 bytes"):
        await sender.fetch()


async def test_a_cluster_that_is_away_is_named_and_the_job_sent_later(bento: StandIn, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = Sender(tmp_path, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(UnreachableError, match=r"prover\.cluster_url http.* is not reached"):
            await away.fetch()
    back = Sender(tmp_path, bento.url)
    await back.fetch()
    assert back.receipt == RECEIPT


async def test_a_cluster_that_restarts_is_waited_for(
    bento: StandIn, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 60)
    bento.faults["GET /sessions"] = (503, b"starting")
    answer = bento.answer

    def recover(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        found = answer(method, path, body)
        if found[0] == 503:
            bento.faults.clear()
        return found

    monkeypatch.setattr(bento, "answer", recover)
    await sender.fetch()
    assert sender.receipt == RECEIPT
