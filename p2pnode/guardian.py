"""Runs a command and dies with whoever started it.

A prover left behind by a node that was killed would hold gigabytes and two cores for minutes. This small
process stands between them: it ends the command when its standard input closes, which the kernel does
whatever ends the starter. SIGTERM is passed on, so that the command can end in its own way. Started as a
script, in a process group of its own; standard library only.
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
    """The command's exit code; 128 + n when signal n ended it, as a shell says."""
    # Until the command runs there is nothing to pass a SIGTERM on to.
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(os.getpgrp(), signal.SIGKILL))
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return 126
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=end_group_when_stdin_closes, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
