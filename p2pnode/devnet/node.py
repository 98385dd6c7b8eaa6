"""One node of a devnet, made and driven by the `p2pnode` command."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from p2pnode.config import CONFIG_NAME
from p2pnode.control import ControlClient
from p2pnode.devnet.plan import NodePlan
from p2pnode.devnet.processes import STOP_SECONDS, Child, Supervisor, environment, text_lines
from p2pnode.errors import DevnetError
from p2pnode.processes import guarded

P2PNODE: tuple[str, ...] = (sys.executable, "-m", "p2pnode")
"""The operator's command, of the interpreter that runs the devnet."""

Json = Any


@dataclass(frozen=True, slots=True)
class DevnetNode:
    """A node's folder, with what `p2pnode init` said of it. `account` has 20 bytes."""

    plan: NodePlan
    folder: Path
    account: bytes
    peer_id: str

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def config(self) -> Path:
        return self.folder / CONFIG_NAME

    @property
    def log(self) -> Path:
        """What the running node logs, JSON lines."""
        return self.folder / "node.log"

    @property
    def control(self) -> ControlClient:
        """The running node's control socket."""
        return ControlClient(self.folder / "control.sock")

    async def start(self, supervisor: Supervisor) -> Child:
        """`p2pnode run`; returns when the node is ready."""
        child = supervisor.start(
            self.name,
            [*P2PNODE, "run", "--config", self.config],
            log=self.log,
            cwd=self.folder,
            env=environment(),
        )
        await child.event("node.ready")
        return child

    async def command(self, *arguments: str | Path, on_line: Callable[[Json], None] | None = None) -> Json:
        """Run a subcommand of `p2pnode` with this node's configuration; what its last JSON line holds.

        `on_line` is called with each line before. Raises DevnetError with the command's own reason.
        """
        return await run_p2pnode(self.folder, *arguments, "--config", self.config, "--json", on_line=on_line)


async def make_node(plan: NodePlan, folder: Path, password: Path, settings: Mapping[str, str]) -> DevnetNode:
    """`p2pnode init` in `folder`, with a new account and PeerId."""
    changes = [f"--set={name}={value}" for name, value in {**settings, **plan.settings}.items()]
    await trio.Path(folder).mkdir(mode=0o700)
    found = await run_p2pnode(folder, "init", folder, "--password-file", password, "--json", *changes)
    return DevnetNode(plan, folder, bytes.fromhex(found["account"][2:]), found["peer_id"])


async def run_p2pnode(
    folder: Path,
    *arguments: str | Path,
    on_line: Callable[[Json], None] | None = None,
    codes: Sequence[int] = (0,),
) -> Json:
    """Run one `p2pnode` command that prints JSON lines and return the last of them.

    Its stderr goes to `commands.log` in `folder`. Raises DevnetError unless it exits with one of `codes`.
    """
    last: Json = None
    log = folder / "commands.log"
    with log.open("ab") as stderr:
        start = stderr.tell()
        command = [*P2PNODE, *arguments]
        async with guarded(
            command, stderr=stderr, stop_seconds=STOP_SECONDS, cwd=folder, env=environment()
        ) as process:
            async for line in text_lines(process):
                if last is not None and on_line is not None:
                    on_line(last)
                last = _parsed(line)
            code = await process.wait()
    if code not in codes:
        reason = log.read_bytes()[start:].decode(errors="replace").strip()
        name = " ".join(str(argument) for argument in arguments[:2])
        raise DevnetError(f"p2pnode {name} ended with exit code {code}: {reason[-2000:] or last}")
    return last


def _parsed(line: str) -> Json:
    try:
        return json.loads(line)
    except ValueError:
        return line
