"""Runs `p2pnode` and kills it, as `kill -9` does, at its Nth durable write of the ledger.

    killed_node.py N before|after ARGUMENTS...

No hook in the node: the ledger's own class is replaced by one that counts.
"""

import os
import signal
import sqlite3
import sys

from p2pnode.cli.main import main
from p2pnode.store import sqlite
from tests.sim.faults import FaultyLedger


def kill() -> None:
    """Nothing runs after this."""
    os.kill(os.getpid(), signal.SIGKILL)


def ledger(connection: sqlite3.Connection) -> FaultyLedger:
    """A ledger that dies where the command line says."""
    return FaultyLedger(connection, int(sys.argv[1]), after=sys.argv[2] == "after", on_kill=kill)


if __name__ == "__main__":
    vars(sqlite)["Ledger"] = ledger
    main(args=sys.argv[3:], prog_name="p2pnode")
