"""A job's way over a proving cluster: sent once, waited for, its receipt fetched into the job's folder.

`cluster.json` in the folder is written before each step whose effect must not be repeated, so that a job that
is killed at any moment goes on with the session that it has and never starts a second one.
"""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import trio

from p2pnode.ports import Progress
from p2pnode.proving.batches import read_file, write_file
from p2pnode.proving.bento import Bento, ClusterError, UnreachableError, open_bento
from p2pnode.proving.rates import Rates
from p2pnode.proving.settings import Cluster

RECEIPT: Final = "receipt.bin"
POLL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long a cluster that does not answer is asked again; one that restarts is back by then."""
_STATE: Final = "cluster.json"
_MAX_STATE: Final = 64 << 10
_ENDED: Final = ("FAILED", "TIMED_OUT", "ABORTED")


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of the job's session; `started` is seconds since the epoch.

    `sending` without a `session` means that the request was on its way when the job was interrupted.
    """

    sending: bool = False
    session: str = ""
    started: int = 0
    failed: str = ""


@dataclass
class ClusterJob:
    """One job on a cluster."""

    cluster: Cluster
    job: Path
    image_id: bytes
    risc0_version: str
    on_progress: Callable[[Progress], None]

    async def fetch(self, export: Callable[[], Awaitable[int]], rates: Rates) -> Rates | None:
        """Bring the job's receipt into the folder, unchecked. Raises ClusterError.

        `export` writes what the cluster needs into the folder and returns its cycles; it runs for a new job
        only. Returns the rates that this session showed, if it was seen from its start to its end; `rates`
        are the last ones, for the seconds left.
        """
        if (self.job / RECEIPT).exists():
            return None
        state = self._read()
        if state.failed:
            raise ClusterError(state.failed)
        if state.sending and not state.session:
            raise ClusterError(
                "the job was interrupted while the cluster made its session, which is therefore not known; "
                f"delete {self.job / _STATE} to have it proved there once more"
            )
        async with open_bento(self.cluster.url, self.cluster.token, self.risc0_version) as bento:
            cycles = 0
            if not state.session:
                cycles = await export()
                state = await self._send(bento)
            begun = trio.current_time()
            expected = None
            if cycles and rates.measured_at:
                expected = cycles / rates.cycles_per_second + rates.wrap_seconds
            await self._wait(bento, state, expected)
            took = trio.current_time() - begun
            content = await self._patiently(lambda: bento.receipt(state.session))
        await trio.to_thread.run_sync(write_file, self.job / RECEIPT, content)
        if not cycles or took <= 0:
            return None
        return replace(
            rates,
            cycles_per_second=cycles / took,
            lift_seconds=0.0,
            join_seconds=0.0,
            measured_at=int(time.time()),
        )

    async def give_up(self, reason: str) -> None:
        """Keep that this job's session is of no use, so that a restart does not ask it again."""
        (self.job / RECEIPT).unlink(missing_ok=True)
        await self._write(replace(self._read(), failed=reason))

    async def _send(self, bento: Bento) -> _State:
        self._report(0.0, None, "sending")
        program = await trio.to_thread.run_sync((self.job / "guest.bin").read_bytes)
        stdin = await trio.to_thread.run_sync((self.job / "stdin.bin").read_bytes)
        if not await self._patiently(lambda: bento.has_image(self.image_id)):
            await self._patiently(lambda: bento.upload_image(self.image_id, program))
        input_id = await self._patiently(lambda: bento.upload_input(stdin))
        await self._write(_State(sending=True))
        try:
            session = await self._patiently(
                lambda: bento.create_session(self.image_id, input_id), again=lambda error: not error.sent
            )
        except ClusterError as error:
            # It is known that there is no session only if the request never left.
            unsent = isinstance(error, UnreachableError) and not error.sent
            await self._write(_State() if unsent else _State(sending=True, failed=str(error)))
            raise
        state = _State(sending=True, session=session, started=int(time.time()))
        await self._write(state)
        return state

    async def _wait(self, bento: Bento, state: _State, expected: float | None) -> None:
        while True:
            status = await self._patiently(lambda: bento.status(state.session))
            if status.name == "SUCCEEDED":
                return
            if status.name in _ENDED:
                reason = (
                    f"prover.cluster_url: session {state.session} ended {status.name}: "
                    f"{status.detail or 'no reason given'}; the logs of the cluster's agents say more"
                )
                await self.give_up(reason)
                raise ClusterError(reason)
            elapsed = max(time.time() - state.started, 0.0)
            if elapsed > self.cluster.seconds:
                raise ClusterError(
                    f"prover.cluster_seconds: session {state.session} takes longer, {elapsed:.0f} s so far; "
                    "add provers to the cluster, or give it more time"
                )
            remaining = None if expected is None else max(expected - elapsed, 0.0)
            self._report(elapsed, remaining, status.detail or status.name)
            await trio.sleep(POLL_SECONDS)

    def _report(self, seconds: float, remaining: float | None, state: str) -> None:
        self.on_progress(Progress("cluster", 1, 1, round(seconds, 1), remaining, {"state": state}))

    async def _patiently(
        self,
        call: Callable[[], Awaitable[_T]],
        again: Callable[[UnreachableError], bool] = lambda error: True,
    ) -> _T:
        deadline = trio.current_time() + PATIENCE_SECONDS
        while True:
            try:
                return await call()
            except UnreachableError as error:
                if not again(error) or trio.current_time() > deadline:
                    raise
            await trio.sleep(POLL_SECONDS)

    def _read(self) -> _State:
        path = self.job / _STATE
        if not path.exists():
            return _State()
        try:
            return _State(**json.loads(read_file(path, _MAX_STATE)))
        except (TypeError, ValueError) as error:
            raise ClusterError(f"{path} is damaged: {error}; delete it to send the job anew") from error

    async def _write(self, state: _State) -> None:
        content = json.dumps(asdict(state)).encode()
        await trio.to_thread.run_sync(write_file, self.job / _STATE, content)
