"""What importing the package does to the process."""

import subprocess
import sys

PROGRAM = """
import json
import p2pnode.identity  # imports eth_account, and with it py_ecc
try:
    json.loads("[" * 200_000)
except RecursionError:
    print("raised")
"""


def test_nested_json_of_a_stranger_raises_instead_of_overflowing_the_stack() -> None:
    # In a process of its own: the recursion limit is the process's, and other tests' imports set it too.
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "raised\n")
