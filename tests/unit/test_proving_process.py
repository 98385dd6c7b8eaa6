"""Supervision of the prover's subprocess, with small executables in its place."""

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from p2pnode.errors import ProverError
from p2pnode.ports import Progress
from p2pnode.proving import open_prover
from p2pnode.proving.process import run_prover

Script = Callable[[str], Path]

HANG = """
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
    event(event="progress", step="segment", index=1, total=1, seconds=0)
    time.sleep(600)
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes an executable that runs `body`, with `event` to print one."""

    def make(body: str) -> Path:
        path = tmp_path / "prover"
        head = "import json, os, pathlib, signal, sys, time\n"
        head += "def event(**fields): print(json.dumps(fields), flush=True)\n"
        path.write_text(f"#!{sys.executable}\n{head}{textwrap.dedent(body)}")
        path.chmod(0o755)
        return path

    return make


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        # A killed orphan may wait as a zombie for init to reap it.
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return sys.platform != "linux"


async def until_gone(pid: int) -> None:
    with trio.fail_after(5):
        while is_running(pid):  # noqa: ASYNC110  # the kernel sends no event for another's child
            await trio.sleep(0.01)


async def test_progress_arrives_in_order_and_the_result_is_returned(script: Script) -> None:
    seen: list[Progress] = []
    path = script("""
        for i in (1, 2):
            event(event="progress", step="lift", index=i, total=2, seconds=i * 1.5, remaining=None, po2=18)
        event(event="done", argument=sys.argv[1])
    """)
    result = await run_prover(path, ["hello"], on_progress=seen.append)
    assert result == {"argument": "hello"}
    assert seen == [Progress("lift", i, 2, i * 1.5, None, {"po2": 18}) for i in (1, 2)]


async def test_error_line_is_the_reason(script: Script) -> None:
    path = script('event(event="error", message="tasks[3]: input is short"); sys.exit(1)')
    with pytest.raises(ProverError, match=r"^tasks\[3\]: input is short$"):
        await run_prover(path, [])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            'print("thread main panicked", file=sys.stderr); sys.exit(101)',
            "exit code 101: thread main panicked",
        ),
        ("sys.exit(2)", "exit code 2: it gave no reason"),
        ("", "ended without a result"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed, perhaps for want of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        ('event(event="done"); sys.exit(3)', "exit code 3"),
        ('print("Segmentation done")', "is no event"),
        ('print("[" * 500)', "is no event"),
        ('print("[]")', "is no event"),
        ('event(event="other")', "is no event"),
        ('event(event="progress", step="lift", index="1", total=1, seconds=0)', "is no progress"),
        ('event(event="progress", step="lift", index=1, total=1, seconds=float("nan"))', "is no progress"),
        ('event(event="progress", step="lift", index=1, total=1, seconds=-1)', "is no progress"),
        ('sys.stdout.write("x" * (3 << 20)); sys.stdout.flush(); time.sleep(60)', "line of more than"),
    ],
)
async def test_what_is_no_result_is_an_error(script: Script, body: str, named: str) -> None:
    with trio.fail_after(10), pytest.raises(ProverError, match=named):
        await run_prover(script(body), [])


async def test_much_output_on_stderr_blocks_nothing(script: Script) -> None:
    path = script("""
        sys.stderr.write("noise\\n" * 200_000 + "the end"); sys.stderr.flush()
        sys.exit(1)
    """)
    with trio.fail_after(10), pytest.raises(ProverError, match=r"the end$") as caught:
        await run_prover(path, [])
    assert len(str(caught.value)) < 3000


async def test_cancelling_kills_the_prover(script: Script, tmp_path: Path) -> None:
    path = script(HANG)
    started = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await run_prover(path, [tmp_path / "pid"], on_progress=lambda _: started.set())

        nursery.start_soon(run)
        with trio.fail_after(5):
            await started.wait()
        before = time.monotonic()
        nursery.cancel_scope.cancel()
    assert time.monotonic() - before < 2
    await until_gone(int((tmp_path / "pid").read_text()))


async def test_too_slow_a_prover_is_killed(script: Script, tmp_path: Path) -> None:
    with trio.fail_after(5), pytest.raises(ProverError, match=r"longer than 0\.5 s"):
        await run_prover(script(HANG), [tmp_path / "pid"], seconds=0.5)
    await until_gone(int((tmp_path / "pid").read_text()))


async def test_an_error_of_the_listener_kills_the_prover(script: Script, tmp_path: Path) -> None:
    def refuse(progress: Progress) -> None:
        raise KeyError(progress.step)

    with trio.fail_after(5), pytest.raises(KeyError, match="segment"):
        await run_prover(script(HANG), [tmp_path / "pid"], on_progress=refuse)
    await until_gone(int((tmp_path / "pid").read_text()))


async def test_killing_the_node_kills_its_prover(script: Script, tmp_path: Path) -> None:
    node = await trio.lowlevel.open_process(
        [
            sys.executable,
            "-c",
            "import sys, trio\n"
            "from pathlib import Path\n"
            "from p2pnode.proving.process import run_prover\n"
            "trio.run(run_prover, Path(sys.argv[1]), [sys.argv[2]])",
            script(HANG),
            tmp_path / "pid",
        ]
    )
    try:
        with trio.fail_after(20):
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110
                await trio.sleep(0.02)
        prover = int((tmp_path / "pid").read_text())
        assert is_running(prover)
    finally:
        node.send_signal(signal.SIGKILL)
        await node.wait()
    await until_gone(prover)


async def test_missing_binary_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("P2PNODE_PROVER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ProverError, match="p2pnode prover build"):
        async with open_prover():
            pass
    with pytest.raises(ProverError, match=r"nothing is not an executable file; correct prover\.binary"):
        async with open_prover(binary=str(tmp_path / "nothing")):
            pass


async def test_a_binary_for_another_machine_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prover"
    path.write_bytes(b"\x7fELF junk")
    path.chmod(0o755)
    with pytest.raises(ProverError, match="cannot be started: Exec format error"):
        async with open_prover(binary=str(path)):
            pass


@pytest.mark.parametrize("image_id", ['"ab"', "7", '"zz"', "null"])
async def test_prover_without_an_image_is_refused(script: Script, image_id: str) -> None:
    path = script(f'print(\'{{"event": "done", "image_id": {image_id}}}\')')
    with pytest.raises(ProverError, match="p2pnode prover build"):
        async with open_prover(binary=str(path)):
            pass
