"""What importing the package does to the process."""

import json
import sys

import pytest

import p2pnode.identity  # noqa: F401  (imports eth_account, and with it py_ecc)


def test_nested_json_of_a_stranger_raises_instead_of_overflowing_the_stack() -> None:
    assert sys.getrecursionlimit() < 10_000
    with pytest.raises(RecursionError):
        json.loads("[" * 200_000)
