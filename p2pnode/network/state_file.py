"""Small JSON files that outlive the process: written whole or not at all, and never trusted when read.

Losing one costs a slower start, so an error here is a warning and nothing stops.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger("p2pnode.network")

VERSION = 1
MAX_BYTES = 4 << 20


def read_state(path: Path, name: str) -> list[Any]:
    """The list `name` of a state file; empty when there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"over {MAX_BYTES} bytes")
        tree = json.loads(data)
        if not isinstance(tree, dict) or tree.get("version") != VERSION:
            raise ValueError(f"not version {VERSION}")
        entries = tree.get(name)
        if not isinstance(entries, list):
            raise ValueError(f"no list {name!r}")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        log.warning("state.unreadable", path=str(path), error=str(error), effect="started over")
        return []
    return entries


def write_state(path: Path, name: str, entries: Sequence[Any]) -> bool:
    """Replace a state file (mode 0600) in one step; False when that fails."""
    temporary = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"version": VERSION, name: entries}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        log.warning("state.unwritable", path=str(path), error=str(error))
        return False
    return True
