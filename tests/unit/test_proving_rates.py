"""What is remembered of a proof's speed, what is estimated from it, and refusals taken apart by node."""

import json
from pathlib import Path

import pytest

from p2pnode.errors import ProverError
from p2pnode.ports import Progress
from p2pnode.proving.execution import read_execution
from p2pnode.proving.rates import CYCLES_PER_SECOND, Meter, Rates, load_rates, save_rates
from p2pnode.proving.refusal import NodeProblem, node_problems

PROVER = Path("/somewhere/p2pnode-prover")
STATS = {"tasks": 2, "user_cycles": 100_000, "paging_cycles": 20_000, "total_cycles": 131_072, "segments": 1}


def line(step: str, index: int, seconds: float, **detail: int) -> Progress:
    return Progress(step, index, 2, seconds, 0.0, detail)


def test_a_proof_of_two_segments_is_measured() -> None:
    meter = Meter()
    for progress in (
        line("segment", 1, 2.0),
        line("segment", 1, 40.0, po2=17),
        line("segment", 2, 24.0, po2=16),
        line("lift", 1, 20.0),
        line("lift", 1, 30.0),
        line("lift", 2, 50.0),
        line("join", 1, 45.0),
        line("wrap", 1, 11.0),
        line("verify", 1, 0.1),
    ):
        meter.note(progress)
    found = meter.rates(Rates())
    assert found.cycles_per_second == (2**17 + 2**16) / 64
    assert (found.lift_seconds, found.join_seconds, found.wrap_seconds) == (40, 45, 11)
    assert found.measured_at > 1_700_000_000


def test_a_resumed_proof_without_a_segment_measures_nothing() -> None:
    meter = Meter()
    meter.note(line("wrap", 1, 9.0))
    assert meter.rates(Rates()) == Rates()


def test_rates_are_kept_for_their_prover_and_damage_falls_back_to_defaults(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "rates.json"
    assert load_rates(PROVER, file) == Rates(cycles_per_second=CYCLES_PER_SECOND, measured_at=0)
    measured = Rates(5000.0, 10.0, 11.0, 12.0, 1_800_000_000)
    save_rates(PROVER, measured, file)
    save_rates(Path("/other"), Rates(), file)
    assert load_rates(PROVER, file) == measured
    assert [path.name for path in file.parent.iterdir()] == ["rates.json"]
    entries: tuple[object, ...] = ({"cycles_per_second": 0}, {"colour": 1}, {"wrap_seconds": "1"}, [])
    for damaged in ("", "[]", '"x"', *(json.dumps({str(PROVER): entry}) for entry in entries)):
        file.write_text(damaged)
        assert load_rates(PROVER, file) == Rates()


def test_seconds_and_memory_follow_the_steps_of_a_proof() -> None:
    rates = Rates(1000.0, 10.0, 20.0, 30.0, 1)
    one = read_execution(STATS, (), 20)
    assert one.proving_seconds(rates) == pytest.approx(131.072 + 30)
    assert one.memory == 2_550_000_000
    several = read_execution({**STATS, "segments": 3, "total_cycles": 2_500_000}, (), 20)
    assert several.proving_seconds(rates) == pytest.approx(2500 + 3 * 10 + 2 * 20 + 30)
    assert several.memory == 10_000 << 20


@pytest.mark.parametrize("stats", [{}, {**STATS, "segments": "1"}, {**STATS, "user_cycles": None}])
def test_counts_that_are_missing_are_refused(stats: dict[str, object]) -> None:
    with pytest.raises(ProverError, match="prover counted"):
        read_execution(stats, (), 20)


def test_each_node_that_is_refused_is_told_apart() -> None:
    message = (
        "model: model cannot be run exactly, 3 problem(s); "
        'node "a; node" (Erf, opset 17): the operator is not supported; '
        'node "b\\"q" (com.microsoft.Foo, opset 0): the operator is not supported; '
        'node "c" (Conv, opset 17): "auto_pad" = 3; it has 9 inputs'
    )
    assert node_problems(message) == (
        NodeProblem("a; node", "Erf", 17, "the operator is not supported"),
        NodeProblem('b"q', "com.microsoft.Foo", 0, "the operator is not supported"),
        NodeProblem("c", "Conv", 17, '"auto_pad" = 3; it has 9 inputs'),
    )


@pytest.mark.parametrize(
    "message",
    [
        "model: ONNX file: truncated",
        'model cannot be run exactly, 2 problem(s); node "a" (Erf, opset 17): no',
    ],
)
def test_another_refusal_is_left_as_it_is(message: str) -> None:
    assert node_problems(message) == ()
