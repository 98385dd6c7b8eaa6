"""Tasks that wait for the guest share a run, and none of them suffers for another."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from p2pnode.errors import InferenceError, ProverError
from p2pnode.market.answers import Answers
from p2pnode.ports import ProofTask
from tests.sim.fake_compute import FakeProver

MODEL, OTHER = Path("a" * 64), Path("b" * 64)
BAD = b"refused"


class Executor:
    """Takes everything at once."""

    async def run(self, model: Path, tensors: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        return b""


class Guest(FakeProver):
    """A second a run; gives the input back, refuses `BAD`, and remembers how many tasks each run had."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[int] = []
        self.leaders: list[bytes] = []
        self.now = 0

    async def execute(self, model: Path, tasks: Sequence[ProofTask], job: Path) -> tuple[bytes, ...]:
        self.runs.append(len(tasks))
        self.leaders.append(tasks[0].task_id)
        self.now += 1
        assert self.now <= 2
        try:
            await trio.sleep(1)
        finally:
            self.now -= 1
        if any(task.tensors == BAD for task in tasks):
            raise ProverError("the guest panicked")
        return tuple(model.name[:1].encode() + task.tensors for task in tasks)


def task(number: int, tensors: bytes = b"") -> ProofTask:
    return ProofTask(number.to_bytes(32, "big"), tensors or b"%d" % number)


@pytest.fixture
def guest() -> Guest:
    return Guest()


@pytest.fixture
def answers(guest: Guest, tmp_path: Path) -> Answers:
    return Answers(Executor(), guest, tmp_path)  # type: ignore[arg-type]


async def gather(answers: Answers, asked: Sequence[tuple[Path, ProofTask]]) -> list[bytes | InferenceError]:
    found: dict[int, bytes | InferenceError] = {}

    async def ask(index: int, model: Path, one: ProofTask) -> None:
        try:
            found[index] = await answers.output(model, one)
        except InferenceError as error:
            found[index] = error

    async with trio.open_nursery() as nursery:
        for index, (model, one) in enumerate(asked):
            nursery.start_soon(ask, index, model, one)
    return [found[index] for index in range(len(asked))]


async def test_what_waits_shares_a_run(answers: Answers, guest: Guest, autojump_clock: MockClock) -> None:
    found = await gather(answers, [(MODEL, task(i)) for i in range(40)])
    assert found == [b"a%d" % i for i in range(40)]
    assert guest.runs == [16, 16, 8]
    assert trio.current_time() == pytest.approx(2, abs=0.1)


async def test_a_run_has_one_model(answers: Answers, guest: Guest, autojump_clock: MockClock) -> None:
    asked = [((MODEL, OTHER)[i % 2], task(i)) for i in range(10)]
    assert await gather(answers, asked) == [b"ab"[i % 2 : i % 2 + 1] + b"%d" % i for i in range(10)]
    assert sorted(guest.runs) == [5, 5]


async def test_a_refused_task_is_refused_alone(
    answers: Answers, guest: Guest, autojump_clock: MockClock
) -> None:
    found = await gather(answers, [(MODEL, task(i, BAD if i == 3 else b"")) for i in range(6)])
    assert isinstance(found[3], InferenceError)
    assert "the guest panicked" in str(found[3])
    assert [found[i] for i in range(6) if i != 3] == [b"a%d" % i for i in range(6) if i != 3]
    assert guest.runs == [6, *[1] * 6]


async def test_the_others_of_a_run_go_on_without_its_leader(
    answers: Answers, guest: Guest, autojump_clock: MockClock
) -> None:
    """Sixteen share a run that is cancelled with the task which started it: another one runs the rest."""
    found: dict[int, bytes] = {}
    scopes = [trio.CancelScope() for _ in range(16)]

    async def ask(number: int) -> None:
        with scopes[number]:
            found[number] = await answers.output(MODEL, task(number))

    async with trio.open_nursery() as nursery:
        for number in range(16):
            nursery.start_soon(ask, number)
        await trio.sleep(0.5)
        leader = int.from_bytes(guest.leaders[0], "big")
        scopes[leader].cancel()
    assert guest.runs == [16, 15]
    assert found.keys() == set(range(16)) - {leader}
