"""A client of one's own node, for programs and notebooks; needs nothing of the node but its HTTP API."""

from p2pnode.sdk.client import Client
from p2pnode.sdk.errors import ApiError
from p2pnode.sdk.result import Inference, Model
from p2pnode.sdk.sync import SyncClient

__all__ = ["ApiError", "Client", "Inference", "Model", "SyncClient"]
