"""Keeps what a test of reliability counted, for docs/reliability.md; benchmarks/reliability.py reads it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "P2PNODE_RELIABILITY"
"""Names the file, of one JSON object a line; without it nothing is kept."""


def record(test: str, figures: Mapping[str, int | float | str]) -> None:
    """Add what one run of `test` counted."""
    target = os.environ.get(VARIABLE)
    if target:
        with Path(target).open("a") as file:
            file.write(json.dumps({"test": test, **figures}) + "\n")
