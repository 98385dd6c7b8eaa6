"""What the chain spends, measured by the contracts' own scripts on an in-process chain."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"


def measure_gas() -> Mapping[str, float]:
    """Gas of deploying the verifier and of checking one genuine proof, by phase."""
    printed = subprocess.run(
        [BIN / "npx", "--no-install", "hardhat", "run", "stark/gas.ts"],
        cwd=ROOT / "contracts",
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return dict(_flat("", json.loads(printed[printed.index("{") :])))


def _flat(prefix: str, value: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Nested figures as `outer: inner`."""
    flat: list[tuple[str, float]] = []
    for name, item in value.items():
        flat += _flat(f"{prefix}{name}: ", item) if isinstance(item, Mapping) else [(prefix + name, item)]
    return flat
