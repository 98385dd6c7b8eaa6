"""A node that kills itself, as `kill -9` does, at a chosen durable write of its ledger.

No hook in the node: the ledger's own class is replaced by one that names and counts its writes.
"""

import os
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from p2pnode.cli.main import main
from p2pnode.store import sqlite
from tests.sim.faults import FaultyLedger


@dataclass(frozen=True)
class Fault:
    """The first write called `name` kills the node, just before it reaches the disk or just after.

    What writes there are is appended to `seen`, a name a line. No `name` kills nothing.
    """

    seen: Path
    name: str = ""
    after: bool = False


def run_node(config: Path, fault: Fault | None) -> NoReturn:
    """`p2pnode run --config CONFIG`, killed at the fault."""
    if fault is not None:
        vars(sqlite)["Ledger"] = lambda connection: _ledger(connection, fault)
    main(args=["run", "--config", str(config)], prog_name="p2pnode")
    raise SystemExit(0)


def _ledger(connection: sqlite3.Connection, fault: Fault) -> FaultyLedger:
    def is_fatal(name: str, number: int) -> bool:
        with fault.seen.open("a") as file:
            file.write(f"{name}\n")
        return name == fault.name

    return FaultyLedger(connection, is_fatal, after=fault.after, on_kill=_kill)


def _kill() -> None:
    """Nothing runs after this."""
    os.kill(os.getpid(), signal.SIGKILL)
