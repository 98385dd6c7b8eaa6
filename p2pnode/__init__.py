"""Inference that strangers sell to strangers, with a proof instead of trust.

The classes for programs are imported when they are first asked for: a command that needs none of them does
not wait for web3 and ONNX Runtime.
"""

import sys
from typing import TYPE_CHECKING, Any

# eth_account imports py_ecc, which lifts the interpreter's recursion limit to 100,000: deeply nested JSON
# from a stranger would then overflow the C stack instead of raising RecursionError. 1000 is Python's own.
import py_ecc  # noqa: F401

sys.setrecursionlimit(1000)

if TYPE_CHECKING:
    from p2pnode.api import EdgeNode, InferenceNode, InferenceResult, JSCBridge, ModelMarketplace, ZKProver

__all__ = ["EdgeNode", "InferenceNode", "InferenceResult", "JSCBridge", "ModelMarketplace", "ZKProver"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from p2pnode import api

    return getattr(api, name)
