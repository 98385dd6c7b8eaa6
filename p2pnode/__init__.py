"""Inference that strangers sell to strangers, with a proof instead of trust.

The classes for programs are imported when they are first asked for: a command that needs none of them does
not wait for web3 and ONNX Runtime.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

# eth_account imports py_ecc, which lifts the interpreter's recursion limit to 100,000: deeply nested JSON
# from a stranger would then overflow the C stack instead of raising RecursionError. 1000 is Python's own.
import py_ecc  # noqa: F401

sys.setrecursionlimit(1000)

if TYPE_CHECKING:
    from p2pnode.api import EdgeNode, InferenceNode, InferenceResult, JSCBridge, ModelMarketplace, ZKProver
    from p2pnode.sdk import ApiError, Client, Inference, Model, SyncClient

_MODULES = {
    "p2pnode.api": (
        "EdgeNode",
        "InferenceNode",
        "InferenceResult",
        "JSCBridge",
        "ModelMarketplace",
        "ZKProver",
    ),
    "p2pnode.sdk": ("ApiError", "Client", "Inference", "Model", "SyncClient"),
}

__all__ = [
    "ApiError",
    "Client",
    "EdgeNode",
    "Inference",
    "InferenceNode",
    "InferenceResult",
    "JSCBridge",
    "Model",
    "ModelMarketplace",
    "SyncClient",
    "ZKProver",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
