"""Breaks the market in every way there is a test for, and writes docs/reliability.md from what came of it.

    python -m benchmarks.reliability [--only simulated,scale,market,rpc,processes,soak,flood] [--kills N]
                                     [--soak-seconds N]

Each part is a set of the tests, in their full form; what they counted is kept in docs/reliability.json, so
that parts can be run one by one. `--only ""` writes the page anew. Exits 1 where a test failed; what it
counted is on the page all the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "docs" / "reliability.json"
PAGE: Final = ROOT / "docs" / "reliability.md"
PARTS: Final[Mapping[str, Sequence[str]]] = {
    "simulated": ("tests/sim/test_sim_chaos.py", "tests/sim/test_sim_crash.py"),
    "scale": ("tests/sim/test_sim_scale.py",),
    "market": ("tests/sim/test_sim_spread.py", "tests/sim/test_sim_flood.py"),
    "rpc": ("tests/chain/test_rpc_faults.py",),
    "processes": ("tests/e2e/test_kills.py",),
    "soak": ("tests/net/test_soak.py::test_soak",),
    "flood": ("tests/net/test_flood.py::test_flood",),
}
Json = dict[str, Any]

_LOSSES: Final = ("lost", "paid_twice", "slashable", "without_receipt")


def main() -> int:
    """Run the parts, keep what they counted, write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of {', '.join(PARTS)}")
    parser.add_argument("--kills", type=int, default=100, help="random kills of real processes")
    parser.add_argument("--soak-seconds", type=int, default=3600, help="length of the soak")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name]
    if unknown := sorted(set(chosen) - set(PARTS)):
        parser.error(f"--only: no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    found = {name: run(name, arguments.kills, arguments.soak_seconds) for name in chosen}
    # Read only now: parts may run side by side.
    results = {**(json.loads(RESULTS.read_text()) if RESULTS.exists() else {}), **found}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(results))
    return 1 if any(part["failed"] for part in found.values()) else 0


def run(name: str, kills: int, soak_seconds: int) -> Json:
    """What one part counted, and whether a test failed."""
    from tests.reliability import VARIABLE

    with tempfile.TemporaryDirectory(prefix="p2pnode-reliability-") as folder:
        found = Path(folder) / "found.jsonl"
        found.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-m", "deep or not deep", *PARTS[name]]
        lengths = {"P2PNODE_KILLS": str(kills), "P2PNODE_SOAK_SECONDS": str(soak_seconds)}
        env = {**os.environ, VARIABLE: str(found), "P2PNODE_DEEP": "1", **lengths}
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
        seconds = round(time.monotonic() - started)
        lines = [json.loads(line) for line in found.read_text().splitlines()]
    when = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "seconds": seconds, "cores": os.cpu_count()}
    return {**when, "failed": code != 0, "found": lines}


_HEAD: Final = """\
# Reliability

What was broken, and what came of it. Written by `make reliability` from the full form of the tests, whose
short form is in `make test`; the figures are in [reliability.json](reliability.json).
"""
_KILLS: Final = """\
## Kills

A node is killed (real processes by SIGKILL) before and after every write of its ledger, found where SQL is
executed, and at random times; in the simulation beside resets, outages and reorganisations of the chain.
Then it is started again. Where every write has its turn, each task that was awarded has to end paid, as it
does without a kill. *Lost* are payments without a receipt at the worker, *broken* promises that a stake could
be slashed for, *without receipt* paid tasks whose requester has none. All of these must be 0.
"""
_SOAK: Final = """\
## Soak

Nodes in processes of their own on one machine; five offers a second from nodes that stay, and every ten
seconds another node is killed, half of the times without a word, and comes back. An offer counts for every
node that was in the network from two seconds before to two seconds after it was published. Growth is that of
the worst of the nodes that stay, from the second quarter of the run to its last.
"""
_FLOOD: Final = """\
## Flood

Honest nodes with a stake, each a process of its own, send each other ten offers a second, while twenty
strangers without one write theirs as fast as they can, and 10,000 of each kind at least: each in its own
name, just below the rate that gets it expelled; each offer in a fresh name; in the name of an account with an
escrow, which did not sign it; one honest offer over and over in fresh names; bytes that are no offer with a
signature that is none. Delivery time beside that of the calm before and after; *heard* is what the node that
heard most of the strangers took from them, and *cores* what the busiest honest node used.
"""
_RPC: Final = """\
## RPC faults

Payments on a real chain through endpoints of which a fifth of all calls fails: connections refused, answers
lost or never sent, gateway errors, rate limits, and wrong words such as "nonce too low" for a transaction
that arrived. Endpoints that lag, lie or belong to another chain have tests of their own.
"""
_SCALE: Final = """\
## Scale

The market's own code in virtual time: 5 % of messages lost, 20 to 200 ms for each, the network cut in two
for 20 s, a fifth of the workers lying. Gossip is counted once for each node that hears it; on the wire
gossipsub's mesh sends it a few times. Heartbeats do not depend on tasks, so they stand apart.
"""
_PLAN: Final = """\
A task costs a worker the same in a large network as in a small one: it hears the offer, answers it once,
and is told when another bid was taken. What grows are the answers that one requester gets for an offer, and
the heartbeats, since every node hears every other one. The plan for 10,000 nodes, where that would be
40,000 heartbeats a minute: offers and heartbeats on topics by model, which only its workers and those who
buy from it join, and workers that bid only with the chance that gives a requester the few dozen bids it can
use.
"""


def page(results: Json) -> str:
    """The page, from docs/reliability.json."""
    parts = [_HEAD]
    if "simulated" in results or "processes" in results:
        parts.append(_kills(results))
    for name, write in (
        ("soak", _soak),
        ("flood", _flood),
        ("rpc", _rpc),
        ("market", _market),
        ("scale", _scale),
    ):
        if name in results:
            parts.append(write(results[name]))
    return "\n".join(parts)


def _kills(results: Json) -> str:
    counts = ("kills", "outages", "reorganisations", "resets", "offers", "paid")
    heads = ["test", *counts, "lost", "paid twice", "broken", "without receipt"]
    rows, runs = [], []
    for part in ("simulated", "processes"):
        if part in results:
            runs.append(f"{part}: {_when(results[part])}")
            for test, total in _totals(results[part]).items():
                rows.append([test, *(f"{total.get(name, 0):,}" for name in (*counts, *_LOSSES))])
    return f"{_KILLS}\n{_table(heads, rows)}\nRun, {'; '.join(runs)}.\n"


def _soak(result: Json) -> str:
    rows = [
        [name, value]
        for found in result["found"]
        for name, value in (
            ("length", f"{found['seconds'] / 60:,.0f} min"),
            ("nodes", f"{found['nodes']}"),
            ("kills and restarts", f"{found['restarts']:,}"),
            ("offers", f"{found['published']:,}"),
            ("deliveries that had to be", f"{found['expected']:,}"),
            ("of them missing", f"{found['missing']:,}"),
            ("delivery time, median", f"{found['latency_ms_p50']:,.0f} ms"),
            ("delivery time, 99th percentile", f"{found['latency_ms_p99']:,.0f} ms"),
            ("fetches that failed, nodes that ended by themselves", f"{found['failures']}"),
            ("growth of memory", f"{found['growth_mib']:.1f} MiB"),
            ("growth of tasks", f"{found['growth_tasks']:.1f}"),
            ("growth of sockets", f"{found['growth_sockets']:.1f}"),
            ("cores used by all nodes", f"{found['cores_used']:.2f}"),
        )
    ]
    return f"{_SOAK}\n{_table(['', 'measured'], rows)}\nRun {_when(result)}.\n"


def _flood(result: Json) -> str:
    heads = ["flood", "offers", "heard", "median, calm", "flood", "99th percentile, calm", "flood"]
    rows = [
        [
            found["kind"].replace("_", " "),
            f"{found['strangers_offers']:,}",
            f"{found['strangers_offers_heard']:,}",
            *(f"{found[f'{when}_ms_{cut}']:,.1f} ms" for cut in ("p50", "p99") for when in ("calm", "flood")),
            f"{found['times_slower']:.2f}",
            f"{found['missing']:,}",
            f"{found['calm_cores']:.2f}",
            f"{found['flood_cores']:.2f}",
        ]
        for found in result["found"]
    ]
    heads += ["times slower", "honest ones missing", "cores, calm", "flood"]
    return f"{_FLOOD}\n{_table(heads, rows)}\nRun {_when(result)}.\n"


def _rpc(result: Json) -> str:
    names = ("payments", "broken", "paid", "paid_twice")
    rows = [[f"{total[name]:,}" for name in names] for total in _totals(result).values()]
    heads = ["payments", "calls that failed", "paid", "paid twice"]
    return f"{_RPC}\n{_table(heads, rows)}\nRun {_when(result)}.\n"


def _market(result: Json) -> str:
    rows = [
        [f"{found['test']}: {name.replace('_', ' ')}", f"{value:,.3g}"]
        for found in result["found"]
        for name, value in found.items()
        if name != "test"
    ]
    return f"## Market\n\n{_table(['test', 'measured'], rows)}\nRun {_when(result)}.\n"


def _scale(result: Json) -> str:
    counts = ("nodes", "liars", "tasks", "settled", "failovers")
    heads = [
        *counts,
        "messages a node and task",
        "bytes of them",
        "heartbeats a node and minute",
        "bytes of them",
    ]
    rows = [
        [
            *(f"{found[name]:,}" for name in counts),
            f"{found['messages']:.1f}",
            *(f"{found[name]:,.0f}" for name in ("bytes", "heartbeats", "heartbeat_bytes")),
        ]
        for found in sorted(result["found"], key=lambda one: int(one["nodes"]))
    ]
    return f"{_SCALE}\n{_table(heads, rows)}\n{_PLAN}\nRun {_when(result)}.\n"


def _when(result: Json) -> str:
    outcome = ", and a test **failed**" if result["failed"] else ""
    minutes = max(1, round(result["seconds"] / 60))
    return f"on {result['day']}, {minutes} min on {result['cores']} cores{outcome}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _totals(result: Json) -> dict[str, dict[str, Any]]:
    """Sums of the counts by test."""
    totals: dict[str, dict[str, Any]] = {}
    for found in result["found"]:
        total = totals.setdefault(found["test"], {})
        for name, value in found.items():
            if name != "test":
                total[name] = total.get(name, 0) + value
    return totals


if __name__ == "__main__":
    sys.exit(main())
