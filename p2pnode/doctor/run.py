"""Runs all examinations at once and gathers what they found, in a fixed order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import trio

from p2pnode.config import Config
from p2pnode.doctor import account, cluster, machine, peers
from p2pnode.doctor.check import LOOK_SECONDS, Check, Examination, Outcome, fail
from p2pnode.errors import P2PNodeError

EXAMINATIONS: Final[Mapping[str, Examination]] = {
    "versions": machine.versions,
    "clock": machine.clock,
    "disk": machine.disk,
    "memory": machine.memory,
    "keys": account.keys,
    "node": peers.ports,
    "reachability": peers.reachability,
    "bootstrap": peers.bootstrap,
    "chain": account.endpoint,
    "backups": account.backups,
    "account": account.money,
    "prover": machine.prover,
    "cluster": cluster.cluster,
    "onnxruntime": machine.runtime,
}


async def diagnose(config: Config, on_check: Callable[[Check], None] = lambda check: None) -> Sequence[Check]:
    """All checks in the order of EXAMINATIONS; `on_check` is told each once those before it are known.

    What stops several examinations, as a missing deployment file does, is told by the first of them alone.
    """
    found: dict[str, list[Check]] = {}
    told: list[Check] = []
    waiting = list(EXAMINATIONS)

    def tell() -> None:
        while waiting and waiting[0] in found:
            for check in found[waiting.pop(0)]:
                if not any(_is_same_problem(check, earlier) for earlier in told):
                    told.append(check)
                    on_check(check)

    async def look(name: str, examination: Examination) -> None:
        found[name] = await _examined(name, examination, config)
        tell()

    async with trio.open_nursery() as nursery:
        for name, examination in EXAMINATIONS.items():
            nursery.start_soon(look, name, examination)
    return told


def _is_same_problem(check: Check, earlier: Check) -> bool:
    return (
        check.outcome == earlier.outcome == Outcome.FAIL
        and (check.found, check.fix) == (earlier.found, earlier.fix)
        and check.name in EXAMINATIONS
    )


async def _examined(name: str, examination: Examination, config: Config) -> list[Check]:
    checks: list[Check] = []
    try:
        with trio.fail_after(LOOK_SECONDS):
            async for check in examination(config):
                checks.append(check)
    except P2PNodeError as error:
        problem, _, remedy = " ".join(str(error).split()).partition("; ")
        checks.append(fail(name, problem, remedy or "see the sentence before"))
    except trio.TooSlowError:
        checks.append(
            fail(name, f"no answer within {LOOK_SECONDS} s", "try again; is the machine very busy?")
        )
    return checks
