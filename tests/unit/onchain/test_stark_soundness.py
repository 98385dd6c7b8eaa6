"""The proof is as sound as RISC Zero's parameters make it, whatever one believes about codes."""

from __future__ import annotations

import pytest
from stark import soundness
from stark.circuit import Circuit
from stark.soundness import OURS, RISC_ZERO, LowDegreeTest


def test_bits_are_those_of_the_decision(circuit: Circuit) -> None:
    """The figures that docs/decisions/0011-fewer-queries.md publishes."""
    assert soundness.table(circuit) == {
        "toy problem": {"RISC Zero": 99.7, "ours": 99.7},
        "list-decoding capacity": {"RISC Zero": 97.6, "ours": 97.5},
        "proven": {"RISC Zero": 46.7, "ours": 55.3},
    }


def test_our_queries_have_the_bits_of_risc_zeros() -> None:
    def bits(test: LowDegreeTest) -> int:
        return test.rate_log2 * test.queries + test.grinding_bits

    assert bits(OURS) == bits(RISC_ZERO) == 100


@pytest.mark.parametrize("weaker", [LowDegreeTest("", 3, 25, 22), LowDegreeTest("", 3, 26, 12)])
def test_a_query_or_ten_bits_of_work_fewer_cost_bits(circuit: Circuit, weaker: LowDegreeTest) -> None:
    for model in (soundness.toy_problem, soundness.list_decoding_capacity, soundness.proven):
        assert model(weaker, circuit) < model(OURS, circuit)
