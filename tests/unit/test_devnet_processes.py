"""Children of a devnet: events from their logs, and an end that nothing escapes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import trio

from p2pnode.devnet import hardhat
from p2pnode.devnet.network import open_devnet, prepare_folder
from p2pnode.devnet.processes import environment, open_supervisor
from p2pnode.errors import ConfigError, DevnetError

GONE_SECONDS = 10
UP = """printf '{"event": "up", "pid": %d}\\n' $!"""
"""Shell: say in an event which process was put in the background last, 0 for none."""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A zombie has ended; only its parent has not asked yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def shell(script: str) -> list[str | Path]:
    return ["/bin/sh", "-c", script]


async def test_events_come_from_json_lines(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    log = tmp_path / "log"
    line = json.dumps({"event": "node.ready", "peer": "x"})
    with trio.fail_after(10):
        async with open_supervisor(lambda source, name, _: seen.append((source, name))) as supervisor:
            script = f"echo starting; echo '{line}' >&2; sleep 60"
            child = supervisor.start("one", shell(script), log=log, cwd=tmp_path, env=environment())
            assert (await child.event("node.ready"))["peer"] == "x"
    assert seen == [("one", "node.ready")]
    assert log.read_text() == f"starting\n{line}\n"


async def test_a_child_that_ends_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with trio.fail_after(10), pytest.RaisesGroup(DevnetError) as caught:
        async with open_supervisor(lambda *_: None) as supervisor:
            command = shell("echo out of luck; exit 3")
            supervisor.start("one", command, log=tmp_path / "log", cwd=tmp_path, env=environment())
            await trio.sleep_forever()
    message = str(caught.value.exceptions[0])
    assert "exit code 3" in message
    assert "out of luck" in message
    assert str(tmp_path / "log") in message


async def test_leaving_lets_a_child_end_in_its_own_way(tmp_path: Path) -> None:
    script = f"trap 'echo bye > {tmp_path}/bye; exit 0' TERM; {UP}; while :; do sleep 0.05; done"
    with trio.fail_after(10):
        async with open_supervisor(lambda *_: None) as supervisor:
            log = tmp_path / "log"
            child = supervisor.start("one", shell(script), log=log, cwd=tmp_path, env=environment())
            await child.event("up")
    assert (tmp_path / "bye").read_text() == "bye\n"


async def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    script = f"trap '' TERM; sleep 600 & {UP}; wait; sleep 600"
    with trio.fail_after(20):
        async with open_supervisor(lambda *_: None) as supervisor:
            log = tmp_path / "log"
            child = supervisor.start("one", shell(script), log=log, cwd=tmp_path, env=environment())
            pid = int((await child.event("up"))["pid"])
            assert is_alive(pid)
    until_gone(pid)


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    parent = textwrap.dedent(f"""
        import trio
        from pathlib import Path
        from p2pnode.devnet.processes import environment, open_supervisor

        async def main():
            async with open_supervisor(lambda *_: None) as supervisor:
                command = ["/bin/sh", "-c", "echo $$ > {pids}.new; mv {pids}.new {pids}; sleep 600"]
                here = Path({str(tmp_path)!r})
                supervisor.start("one", command, log=here / "log", cwd=here, env=environment())
                await trio.sleep_forever()

        trio.run(main)
    """)
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        deadline = time.monotonic() + 60
        while not pids.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child = int(pids.read_text())
        assert is_alive(child)
        process.send_signal(signal.SIGKILL)
    until_gone(child)


def test_settings_of_the_users_own_node_do_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2PNODE_WORKER_PRICE", "1")
    monkeypatch.setenv("P2PNODE_PASSWORD", "mine")
    monkeypatch.setenv("P2PNODE_PROVER", "/prover")
    found = {name: value for name, value in environment(A="b").items() if name.startswith(("P2PNODE_", "A"))}
    assert found.get("P2PNODE_PROVER") == "/prover"
    assert found["A"] == "b"
    assert not {"P2PNODE_WORKER_PRICE", "P2PNODE_PASSWORD"} & found.keys()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevnetError, match="is not empty; give a new folder"):
        prepare_folder(tmp_path)


async def test_a_checkout_that_is_not_set_up_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardhat, "CONTRACTS", tmp_path / "contracts")
    with trio.fail_after(10), pytest.raises(DevnetError, match="is missing; run `make setup`"):
        async with open_devnet(tmp_path / "net", bytes(32)):
            await trio.sleep_forever()


def test_a_folder_whose_sockets_would_have_too_long_a_path_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    with pytest.raises(ConfigError, match="shorter"):
        prepare_folder(deep)
    assert not deep.exists()
