"""Runs the prover and dies with whoever started it.

A prover left behind by a node that was killed would hold gigabytes and two cores for minutes. This small
process stands between them: it ends the prover when its standard input closes, which the kernel does
whatever ends the node. Started as a script, in a process group of its own; standard library only.
"""

import os
import signal
import subprocess
import sys
import threading


def end_group_when_stdin_closes() -> None:
    # Not through sys.stdin: its lock would be held here while the interpreter shuts down.
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(command: list[str]) -> int:
    """The prover's exit code; 128 + n when signal n ended it, as a shell says."""
    try:
        prover = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return 126
    threading.Thread(target=end_group_when_stdin_closes, daemon=True).start()
    code = prover.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
