"""The classes for programs: synchronous, over the same parts as the node. See docs/python-api.md."""

from p2pnode.api.edge import EdgeNode
from p2pnode.api.inference import InferenceNode, InferenceResult
from p2pnode.api.jsc import JSCBridge
from p2pnode.api.marketplace import ModelMarketplace
from p2pnode.api.prover import ZKProver

__all__ = ["EdgeNode", "InferenceNode", "InferenceResult", "JSCBridge", "ModelMarketplace", "ZKProver"]
