"""The numbers with which the Yul contracts revert: which check of a proof failed."""

from __future__ import annotations

from enum import IntEnum


class Failure(IntEnum):
    """A 32-byte revert datum of SealVerifier."""

    LENGTH = 1
    INNER_ROOT = 2
    PO2 = 3
    GLOBAL_RANGE = 4
    CLAIM_HALF = 5
    CLAIM = 6
    CONSTRAINT_CALL = 7
    CONSTRAINT = 8
    DEGENERATE_POINT = 9
    TRACE_PATH = 10
    FRI1_PATH = 11
    FRI2_PATH = 12
    FRI3_PATH = 13
    DEEP = 14
    FRI2_VALUE = 15
    FRI3_VALUE = 16
    FINAL = 17
    RANGE = 18
    WORK = 19


PATH_FAILURES = (Failure.TRACE_PATH, Failure.FRI1_PATH, Failure.FRI2_PATH, Failure.FRI3_PATH)
