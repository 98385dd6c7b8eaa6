"""Bits of security of a STARK of the recursion circuit, for RISC Zero's parameters and for this project's.

The formulas are those of risc0-zkp 3.0.6-rc.1, src/prove/soundness.rs, with two changes: grinding divides
the queries' error (ethSTARK, eprint 2021/582), and the parameter m of the proven bound is the best one, not
always 16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import params
from .circuit import ACCUM, Circuit
from .field import P

FIELD_BITS = 4 * math.log2(P)
MAX_DEGREE = 5
"""Of the constraints."""


@dataclass(frozen=True)
class LowDegreeTest:
    """`rate_log2`: the domain is 2^rate_log2 times the trace."""

    name: str
    rate_log2: int
    queries: int
    grinding_bits: int


RISC_ZERO = LowDegreeTest("RISC Zero", 2, 50, 0)
OURS = LowDegreeTest("ours", params.RATE_LOG2, params.QUERIES, params.GRINDING_BITS)


def toy_problem(test: LowDegreeTest, circuit: Circuit) -> float:
    """The conjecture on which RISC Zero rests its figure: the best attack is to guess the queries."""
    constraints = -FIELD_BITS
    return -_sum([_accumulators(circuit), constraints, -test.rate_log2 * test.queries - test.grinding_bits])


def list_decoding_capacity(test: LowDegreeTest, circuit: Circuit) -> float:
    """The same with the queries up to the list-decoding capacity only, behind which proximity gaps fail
    (eprint 2025/2046): about 1 / log2(field) short of 1 - rate."""
    agreement = 2.0**-test.rate_log2 + 1 / FIELD_BITS
    queries = test.queries * math.log2(agreement) - test.grinding_bits
    return -_sum([_accumulators(circuit), -FIELD_BITS, queries])


def proven(test: LowDegreeTest, circuit: Circuit) -> float:
    """What is proved, without a conjecture, up to the Johnson radius (eprint 2020/654, 2022/1216)."""
    return max(_proven(test, circuit, m) for m in range(3, 60))


def _proven(test: LowDegreeTest, circuit: Circuit, m: int) -> float:
    rate = 2.0**-test.rate_log2
    domain = params.PO2 + test.rate_log2
    polynomials = math.log2(sum(circuit.group_columns) + MAX_DEGREE - 1.5)
    gap = 7 * math.log2(m + 0.5) - math.log2(3 * rate**1.5) + 2 * domain - FIELD_BITS
    rounds = len(params.FRI_ROUND_LOG2) * params.FRI_FOLD
    folds = math.log2((2 * m + 1) * rounds / math.sqrt(rate)) + domain - FIELD_BITS
    queries = test.queries * math.log2((1 + 1 / (2 * m)) * math.sqrt(rate)) - test.grinding_bits
    lists = math.log2((m + 0.5) / math.sqrt(rate))
    deep = lists + math.log2(MAX_DEGREE) + params.PO2 - FIELD_BITS
    ali = lists + polynomials - FIELD_BITS
    return -_sum([_accumulators(circuit), polynomials + gap, folds, queries, deep, ali])


def _accumulators(circuit: Circuit) -> float:
    """log2 of the error of the permutation and lookup arguments: degree of the products over the field."""
    return math.log2(circuit.group_columns[ACCUM] / 4 * (MAX_DEGREE - 2)) + params.PO2 - FIELD_BITS


def _sum(logarithms: Sequence[float]) -> float:
    return math.log2(sum(2.0**value for value in logarithms))


def table(circuit: Circuit) -> dict[str, dict[str, float]]:
    """Bits by model and test, rounded down to a tenth."""
    models = {
        "toy problem": toy_problem,
        "list-decoding capacity": list_decoding_capacity,
        "proven": proven,
    }
    return {
        name: {test.name: math.floor(10 * bits(test, circuit)) / 10 for test in (RISC_ZERO, OURS)}
        for name, bits in models.items()
    }
